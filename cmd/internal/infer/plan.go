package infer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/runtime"
	"golang.org/x/term"
)

// A Plan is a job after the headers of its source and its bundle were read. It loads no model. A plan is safe for
// concurrent use and must be closed.
type Plan struct {
	Job    Job
	Source dataset.Info
	// Say, where it is not nil, is told in a sentence about parts of earlier runs that are made again. Set it before the plan
	// is used.
	Say func(line string)
	// Recorded is the backend that made the parts in the folder, "" where there are none: see [Plan.Agree].
	Recorded string

	bundle   *bundle.Bundle
	texts    *textModel // nil where rows are numbers
	made     made
	out      output
	target   format // of the output
	parted   format // of parts
	partRows int
	parts    int               // of the whole job, every shard's
	direct   bool              // the one part of the shard is the output file itself
	file     atomicfile.Target // where the output file lies, once links are followed
	opened   struct {
		sync.Mutex
		input *input // opened by the planning, and used by the first who takes it
	}
	stamps   []stamp            // of the source's files
	finished *fileRecord        // the output file is there, and only its tidying up is left
	named    dataset.Identified // nil where a row's id is its number
}

// A Block is a range of consecutive rows that becomes one part: plain data, which can be sent elsewhere.
type Block struct {
	Part  int `json:"part"`  // from 0
	Parts int `json:"parts"` // of the whole job
	First int `json:"first"` // row
	Rows  int `json:"rows"`
}

// partBytes is the default size of a part's input and output together.
const partBytes = 256 << 20

// NewPlan reads the headers of the bundle and of the source, and reports what does not fit. The context governs the source, which
// the plan keeps open, until the plan is closed.
func NewPlan(ctx context.Context, job Job) (*Plan, error) {
	job, err := job.Normal()
	if err != nil {
		return nil, err
	}
	job.Model = rundir.BundleOf(job.Model)
	p := &Plan{Job: job}
	if err := p.checkTarget(); err != nil {
		return nil, err
	}
	if p.bundle, err = bundle.Open(job.Model); err != nil {
		return nil, err
	}
	if err := p.checkApart(); err != nil {
		return nil, err
	}
	if err := p.readTexts(); err != nil {
		return nil, err
	}
	p.stamp()
	in, err := p.openSource(ctx)
	if err != nil {
		return nil, p.withTextsHint(err)
	}
	p.opened.input = in
	p.named, _ = in.reader.(dataset.Identified)
	if err = p.fit(in.reader.Info()); err == nil {
		err = p.checkExisting(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// fit takes the source's header and checks that it fits the model.
func (p *Plan) fit(info dataset.Info) error {
	p.Source = info
	m := p.bundle.Manifest
	var err error
	if p.out, err = newOutput(p.Job, m); err != nil {
		return err
	}
	width := m.Input.RowSize()
	if p.out.takesCodes {
		width = m.Latent.PackedBytes()
		if info.DType != "uint8" || info.RowSize() != width {
			return fmt.Errorf("infer: %w: %s holds rows of %d %s: decode takes packed codes, %d uint8 a row", runtime.ErrInput, info.Source, info.RowSize(), info.DType, width)
		}
	}
	if info.RowSize() != width || len(info.Shape) == 3 && len(m.Input.Shape) == 3 && !slices.Equal(info.Shape, rowShape(m)) { // a file of [n,784] holds what a model of 28x28 wants
		return fmt.Errorf("infer: %w: the rows of %s have the shape %v, %d values; the model takes %v, %d values", runtime.ErrInput, info.Source, info.Shape, info.RowSize(), m.Input.Shape, width)
	}
	if p.partRows = p.Job.PartRows; p.partRows == 0 {
		p.partRows = 1 << (bits.Len(uint(max(partBytes/(width+p.out.rowBytes()), 1))) - 1)
	}
	p.parts = (info.Rows + p.partRows - 1) / p.partRows
	if p.parts > maxParts {
		return fmt.Errorf("infer: %w: %d rows make %d parts of %d rows, at most %d are possible: make parts larger", ErrJob, info.Rows, p.parts, p.partRows, maxParts)
	}
	p.target, _ = formatNamed(p.Job.Format) // Normal has looked
	if rows := p.rows(); p.target.most > 0 && !p.Job.Folder() && rows > p.target.most {
		return fmt.Errorf("infer: %w: a file of %s holds up to %d rows, these are %d: name a folder (--out DIR/ --format %s) for a file each", ErrJob, p.target.name, p.target.most, rows, p.target.name)
	}
	p.direct = p.file.Through || !p.Job.Folder() && len(p.Blocks()) == 1 // what is written through is one block
	p.parted = p.target
	if !p.Job.Folder() && !p.direct {
		p.parted, _ = formatNamed(Raw)
	}
	p.made = made{
		Bundle: p.bundle.Hash(), Manifest: manifestSum(m, p.Job.Variant), Variant: p.Job.Variant, Mode: p.Job.Mode, Codes: p.Job.Codes, Format: p.parted.name, Text: p.Job.Text,
		PartRows: p.partRows, Rows: info.Rows, Shape: info.Shape, DType: info.DType, Split: string(p.Job.Split), Divide: p.Job.Divide,
	}
	p.made.IDs, p.made.Texts = info.IDs, p.texts.made(p.Job.Texts)
	if text, err := json.Marshal(p.Job.Table); err == nil && string(text) != "{}" {
		p.made.Table = string(text)
	}
	if v := p.values(); v != dist.Unit() {
		p.made.Rule = fmt.Sprintf("bytes / %g, numbers / %g, mean %g, deviation %g, within [%g,%g]", v.Bytes, v.Numbers, v.Mean, v.Deviation, v.Least, v.Most)
	}
	return nil
}

// values returns the rule by which the source's numbers become values: the manifest's, with the divisor that the job names.
// Codes have none of their own.
func (p *Plan) values() dist.Values {
	if made, _ := productOf(p.Job.Mode, p.Job.Codes); made.takesCodes {
		return dist.Unit()
	}
	return ValuesOf(p.bundle.Manifest.Input, p.Job.Divide)
}

// ValuesOf returns the rule by which numbers become values for a model, with another divisor where it is not 0. Of a bundle with a
// divisor for bytes alone it is that of all other numbers.
func ValuesOf(in bundle.Input, divisor float64) dist.Values {
	v := in.Values()
	switch {
	case divisor != 0 && v.One:
		return v.Alike(divisor, false)
	case divisor != 0:
		v.Numbers = divisor
	}
	return v
}

// asFloats reports a job that divides bytes by another number than the graphs do that take bytes.
func (p *Plan) asFloats() bool {
	v := p.values()
	return v.One && v.Bytes != p.bundle.Manifest.Input.Values().Bytes
}

// Pictures returns what pictures are made to fit for a model, nil where its rows are not pictures.
func Pictures(in bundle.Input) *dataset.Image {
	rule, ok := runtime.Pictures(in)
	if !ok {
		return nil
	}
	return &rule
}

// checkTarget reports an output that cannot be written, before long work.
func (p *Plan) checkTarget() error {
	if p.Job.Folder() {
		if info, err := os.Stat(filepath.Clean(p.Job.Out)); err == nil && !info.IsDir() {
			return fmt.Errorf("infer: %w: %s is not a folder: name a folder, or a file without a slash at the end", ErrJob, p.Job.Out)
		}
		return nil
	}
	if p.Job.Out == outfile.Stdout && !formatIsText(p.Job.Format) && term.IsTerminal(int(os.Stdout.Fd())) {
		return fmt.Errorf("infer: %w: %s is not for a terminal: redirect standard output, or choose one of %s by --format", ErrJob, p.Job.Format, enumerate("and", textFormats()))
	}
	bad, err := atomicfile.CheckFile(BadFile(p.Job.Out), true)
	if err == nil && bad.Info != nil && bad.Through {
		err = fmt.Errorf("%s is no file: %w", BadFile(p.Job.Out), atomicfile.ErrTarget)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) { // the folder's absence is the output's fault
		p.file, err = outfile.Follow(p.Job.Out, true)
	}
	switch {
	case errors.Is(err, atomicfile.ErrTarget):
		return fmt.Errorf("infer: %w: %w, or end it with a slash for parts in a folder", ErrJob, err)
	case err != nil:
		return fmt.Errorf("infer: %w", err)
	case p.file.Through:
		if p.Job.MaxBad == 0 {
			return nil
		}
		return fmt.Errorf("infer: %w: %s is written as it comes, and bad rows are listed in a file next to the output: name a file", ErrJob, p.Job.Out)
	}
	parts := p.hidden(partsEnd)
	if info, err := os.Lstat(parts); err == nil && !info.IsDir() {
		return fmt.Errorf("infer: %w: %s is no folder, and the parts of %s go into a folder of that name: remove it", ErrJob, parts, p.Job.Out)
	}
	return nil
}

// checkExisting reports a file that would be replaced without permission. A file that this job has made, whose parts still lie
// next to it, is finished: that run was killed while it tidied up.
func (p *Plan) checkExisting(ctx context.Context) error {
	if p.Job.Folder() || p.Job.Force || p.Job.Out == outfile.Stdout {
		return nil // records tell the parts of another job
	}
	if _, err := atomicfile.CheckFile(p.Job.Out, false); errors.Is(err, atomicfile.ErrExists) {
		var err error
		if p.finished, err = p.finishedFile(ctx); err != nil || p.finished != nil {
			return err
		}
		p.sweepBeside(ctx)
		return exists(p.Job.Out)
	}
	if bad := BadFile(p.Job.Out); !listsBad(bad) { // a killed run has left it
		if _, err := atomicfile.CheckFile(bad, false); errors.Is(err, atomicfile.ErrExists) {
			return exists(bad)
		}
	}
	return nil
}

// sweepBeside removes what a run that was stopped between the end of its tidying and its own has left next to the output file: its
// lock, and a folder of parts that is empty. What another run holds stays.
func (p *Plan) sweepBeside(ctx context.Context) {
	_, noLock := os.Lstat(p.hidden(lockEnd))
	_, noParts := os.Lstat(p.hidden(partsEnd))
	if noLock != nil && noParts != nil {
		return
	}
	if release, err := p.hold(ctx); err == nil {
		release()
	}
}

// exists is the error for a file that may not be replaced.
func exists(path string) error {
	return fmt.Errorf("infer: %s exists already: choose another name, or --force to replace it: %w", path, fs.ErrExist)
}

// Blocks returns the blocks of the job's shard: consecutive parts, so that a source that must be read from its start is read
// once. An output that is written through is one block.
func (p *Plan) Blocks() []Block {
	var blocks []Block
	s := p.Job.Shard
	for part := p.parts * s.Index / s.Of; part < p.parts*(s.Index+1)/s.Of; part++ {
		blocks = append(blocks, p.block(part))
	}
	if n := len(blocks); n > 1 && p.file.Through {
		last := blocks[n-1]
		blocks[0].Rows = last.First + last.Rows - blocks[0].First
		blocks = blocks[:1]
	}
	return blocks
}

// block returns the block of a part, of any shard.
func (p *Plan) block(part int) Block {
	first := part * p.partRows
	return Block{Part: part, Parts: p.parts, First: first, Rows: min(p.partRows, p.Source.Rows-first)}
}

// rows is the number of rows of the job's shard.
func (p *Plan) rows() (n int) {
	for _, b := range p.Blocks() {
		n += b.Rows
	}
	return n
}

func (p *Plan) say(format string, args ...any) {
	if p.Say != nil {
		p.Say(fmt.Sprintf(format, args...))
	}
}

// Bundle returns the bundle that the job names.
func (p *Plan) Bundle() *bundle.Bundle { return p.bundle }

// Bytes reports whether the model gets the source's rows as bytes.
func (p *Plan) Bytes() bool { return p.Source.DType == "uint8" && !p.asFloats() }

// id returns a row's id: its number, or its name in the source.
func (p *Plan) id(row int) any {
	if p.named != nil {
		return p.named.ID(row)
	}
	return row
}

// Close frees the source. It may be called twice.
func (p *Plan) Close() error {
	p.opened.Lock()
	defer p.opened.Unlock()
	if p.opened.input == nil {
		return nil
	}
	defer func() { p.opened.input = nil }()
	return p.opened.input.reader.Close()
}

// BadFile is the file that lists an output's bad rows.
func BadFile(out string) string { return out + ".bad.jsonl" }

// badPath is the file that lists a part's bad rows.
func (p *Plan) badPath(b Block) string {
	if p.direct {
		return BadFile(p.Job.Out) // next to a link, not to what it leads to
	}
	return BadFile(p.partPath(b))
}

// dir is the folder of the parts: the output itself, or one next to it. A part that is the output file is in the output's folder.
func (p *Plan) dir() string {
	switch {
	case p.Job.Folder():
		return filepath.Clean(p.Job.Out)
	case p.direct:
		return filepath.Dir(p.file.Path)
	}
	return p.hidden(partsEnd)
}

// partsEnd ends the name of the folder of an output file's raw parts.
const partsEnd = ".parts"

// hidden is the name of something next to the output file.
func (p *Plan) hidden(end string) string {
	dir, base := filepath.Split(p.file.Path)
	return filepath.Join(dir, "."+base+end)
}

// partName is the name of a part in its folder.
func (p *Plan) partName(b Block) string {
	if p.direct {
		return filepath.Base(p.file.Path)
	}
	return fmt.Sprintf("part-%05d-of-%05d%s", b.Part, b.Parts, p.parted.ends[0])
}

// partPath is where a part lies.
func (p *Plan) partPath(b Block) string { return filepath.Join(p.dir(), p.partName(b)) }

package infer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/runtime"
)

// A Plan is a job after the headers of its source and its bundle were read. It loads no model. A plan is safe for
// concurrent use and must be closed.
type Plan struct {
	Job    Job
	Source dataset.Info

	bundle   *bundle.Bundle
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
		reader dataset.Reader // opened by the planning, and used by the first caller of reader
	}
	named dataset.Identified // nil where a row's id is its number
}

// made is what a part is made from: equal values give equal bytes.
type made struct {
	Bundle   string  `json:"bundle"` // hash
	Variant  string  `json:"variant"`
	Mode     Mode    `json:"mode"`
	Codes    Codes   `json:"codes"`
	Format   Format  `json:"format"` // of parts
	Text     Text    `json:"text"`
	PartRows int     `json:"part_rows"`
	Rows     int     `json:"rows"` // of the source
	Shape    []int   `json:"shape"`
	DType    string  `json:"dtype"`
	Bytes    int64   `json:"bytes"` // of the source's files
	Split    string  `json:"split"`
	Divide   float64 `json:"divide"`
	Rule     string  `json:"rule,omitempty"` // by which numbers become values, where it is not that of grey pixels
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
	p := &Plan{Job: job}
	if err := p.checkTarget(); err != nil {
		return nil, err
	}
	if p.bundle, err = bundle.Open(job.Model); err != nil {
		return nil, err
	}
	reader, err := p.openSource(ctx)
	if err != nil {
		return nil, err
	}
	p.opened.reader = reader
	if err = p.fit(reader.Info()); err == nil {
		err = p.checkExisting()
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.named, _ = reader.(dataset.Identified)
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
	if info.RowSize() != width { // a file of [n,784] holds what a model of 28x28 wants
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
		Bundle: p.bundle.Hash(), Variant: p.Job.Variant, Mode: p.Job.Mode, Codes: p.Job.Codes, Format: p.parted.name, Text: p.Job.Text,
		PartRows: p.partRows, Rows: info.Rows, Shape: info.Shape, DType: info.DType, Bytes: info.Bytes, Split: string(p.Job.Split), Divide: p.Job.Divide,
	}
	if v := p.values(); v != dist.Unit() {
		p.made.Rule = fmt.Sprintf("bytes / %g, numbers / %g, mean %g, deviation %g, within [%g,%g]", v.Bytes, v.Numbers, v.Mean, v.Deviation, v.Least, v.Most)
	}
	return nil
}

// openSource opens the source as the model wants its rows.
func (p *Plan) openSource(ctx context.Context) (dataset.Reader, error) {
	o := dataset.Options{Split: p.Job.Split, Values: p.values()}
	if made, _ := productOf(p.Job.Mode, p.Job.Codes); !made.takesCodes {
		o.Image = Pictures(p.bundle.Manifest.Input)
	}
	return dataset.Open(ctx, p.Job.In, o)
}

// values returns the rule by which the source's numbers become values: the manifest's, with the divisor that the job names.
// Codes have none of their own.
func (p *Plan) values() dist.Values {
	v := dist.Unit()
	if made, _ := productOf(p.Job.Mode, p.Job.Codes); !made.takesCodes {
		v = p.bundle.Manifest.Input.Values()
	}
	if p.Job.Divide != 0 {
		v.Numbers = p.Job.Divide
	}
	return v
}

// Pictures returns what pictures are made to fit for a model, nil where its rows are not pictures.
func Pictures(in bundle.Input) *dataset.Image {
	if len(in.Shape) != 2 {
		return nil
	}
	o := dataset.Image{Height: int(in.Shape[0]), Width: int(in.Shape[1]), Resize: bundle.ResizeNone}
	if in.Image != nil {
		o.Resize = in.Image.Resize
	}
	return &o
}

// reader returns a reader whose next row is the given one: the reader that the planning opened, or a new one.
func (p *Plan) reader(ctx context.Context, first int) (dataset.Reader, error) {
	p.opened.Lock()
	r := p.opened.reader
	p.opened.reader = nil
	p.opened.Unlock()
	if r == nil {
		var err error
		if r, err = p.openSource(ctx); err != nil {
			return nil, err
		}
		if got := r.Info(); got.Rows != p.Source.Rows || !slices.Equal(got.Shape, p.Source.Shape) || got.Bytes != p.Source.Bytes {
			r.Close()
			return nil, fmt.Errorf("infer: %s has changed since the run began: it had %d rows of %v, it has %d of %v", p.Source.Source, p.Source.Rows, p.Source.Shape, got.Rows, got.Shape)
		}
	}
	if first > 0 {
		if err := r.Skip(first); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// checkTarget reports an output that cannot be written, before long work.
func (p *Plan) checkTarget() error {
	if p.Job.Folder() {
		if info, err := os.Stat(filepath.Clean(p.Job.Out)); err == nil && !info.IsDir() {
			return fmt.Errorf("infer: %w: %s is not a folder: name a folder, or a file without a slash at the end", ErrJob, p.Job.Out)
		}
		return nil
	}
	bad, err := atomicfile.CheckFile(BadFile(p.Job.Out), true)
	if err == nil && bad.Info != nil && bad.Through {
		err = fmt.Errorf("%s is no file: %w", BadFile(p.Job.Out), atomicfile.ErrTarget)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) { // the folder's absence is the output's fault
		p.file, err = atomicfile.CheckFile(p.Job.Out, true)
	}
	switch {
	case errors.Is(err, atomicfile.ErrTarget):
		return fmt.Errorf("infer: %w: %w, or end it with a slash for parts in a folder", ErrJob, err)
	case err != nil:
		return fmt.Errorf("infer: %w", err)
	case p.file.Through && p.Job.MaxBad > 0:
		return fmt.Errorf("infer: %w: %s is written as it comes, and bad rows are listed in a file next to the output: name a file", ErrJob, p.Job.Out)
	}
	return nil
}

// checkExisting reports a file that would be replaced without permission. A file with parts of the same job next to it is
// made again: that run was killed while it tidied up.
func (p *Plan) checkExisting() error {
	if p.Job.Folder() || p.Job.Force {
		return nil // records tell the parts of another job
	}
	for _, path := range []string{p.Job.Out, BadFile(p.Job.Out)} {
		if _, err := atomicfile.CheckFile(path, false); errors.Is(err, atomicfile.ErrExists) && !p.begun() {
			return fmt.Errorf("infer: %s exists already: choose another name, or --force to replace it: %w", path, fs.ErrExist)
		}
	}
	return nil
}

// begun reports whether a run of this job to its file was killed: the folder of its parts exists, and holds no other
// job's.
func (p *Plan) begun() bool {
	if info, err := os.Stat(p.dir()); p.direct || err != nil || !info.IsDir() {
		return false
	}
	return !slices.ContainsFunc(p.Blocks(), func(b Block) bool { _, _, err := p.Record(b); return err != nil })
}

// Blocks returns the blocks of the job's shard: consecutive parts, so that a source that must be read from its start is read
// once. An output that is written through is one block.
func (p *Plan) Blocks() []Block {
	var blocks []Block
	s := p.Job.Shard
	for part := p.parts * s.Index / s.Of; part < p.parts*(s.Index+1)/s.Of; part++ {
		first := part * p.partRows
		blocks = append(blocks, Block{Part: part, Parts: p.parts, First: first, Rows: min(p.partRows, p.Source.Rows-first)})
	}
	if n := len(blocks); n > 1 && p.file.Through {
		last := blocks[n-1]
		blocks[0].Rows = last.First + last.Rows - blocks[0].First
		blocks = blocks[:1]
	}
	return blocks
}

// rows is the number of rows of the job's shard.
func (p *Plan) rows() (n int) {
	for _, b := range p.Blocks() {
		n += b.Rows
	}
	return n
}

// Bundle returns the bundle that the job names.
func (p *Plan) Bundle() *bundle.Bundle { return p.bundle }

// Bytes reports whether the model gets the source's rows as bytes.
func (p *Plan) Bytes() bool { return p.Source.DType == "uint8" }

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
	if p.opened.reader == nil {
		return nil
	}
	defer func() { p.opened.reader = nil }()
	return p.opened.reader.Close()
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

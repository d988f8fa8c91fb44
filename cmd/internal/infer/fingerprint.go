package infer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strconv"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
)

// made is what parts are made from, except for their rows: equal values, and equal rows, give equal bytes. What a text says of a
// field is for errors.
type made struct {
	Bundle   string  `json:"bundle" says:"by another bundle"`                             // hash of its files, which the runtime compares with the files
	Manifest string  `json:"manifest" says:"by another bundle"`                           // hash of what the manifest says about rows, codes and the variant
	Backend  string  `json:"backend" says:"by another backend"`                           // name with version and device
	Variant  string  `json:"variant" says:"by another variant"`                           // never auto
	Mode     Mode    `json:"mode" says:"in another mode"`                                 //
	Codes    Codes   `json:"codes" says:"as other codes"`                                 //
	Format   Format  `json:"format" says:"in another format"`                             // of parts
	Text     Text    `json:"text" says:"as other text"`                                   //
	PartRows int     `json:"part_rows" says:"in other parts"`                             //
	Rows     int     `json:"rows" says:"from another source"`                             // of the source
	Shape    []int   `json:"shape" says:"from another source"`                            //
	DType    string  `json:"dtype" says:"from another source"`                            //
	Split    string  `json:"split" says:"from another split"`                             //
	Divide   float64 `json:"divide" says:"by another divisor"`                            //
	Table    string  `json:"table,omitempty" says:"from a table that was read otherwise"` // how, where that was not left to find out
	IDs      string  `json:"ids,omitempty" says:"with other ids"`                         // the column of a table that they are from
	Texts    string  `json:"texts,omitempty" says:"from other texts, or by another embedder"`
	Rule     string  `json:"rule,omitempty" says:"by other rules"` // by which numbers become values, where it is not that of grey pixels
}

// differs says in what way parts were made otherwise, "" where they were not. A field that is empty on one side, because its
// record is old or the backend is not known yet, is passed over.
func (m made) differs(o made) string {
	a, b := reflect.ValueOf(m), reflect.ValueOf(o)
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		name := a.Type().Field(i).Name
		if (name == "Backend" || name == "Manifest") && (x.IsZero() || y.IsZero()) || reflect.DeepEqual(x.Interface(), y.Interface()) {
			continue
		}
		says := a.Type().Field(i).Tag.Get("says")
		if name == "Bundle" || name == "Manifest" {
			return says
		}
		return fmt.Sprintf("%s: %v, not %v", says, x.Interface(), y.Interface())
	}
	return ""
}

// Identity is the hash of everything that parts are made from, except their rows and the backend.
func (p *Plan) Identity() string {
	m := p.made
	m.Backend = ""
	text, err := json.Marshal(m)
	if err != nil {
		return "" // it holds plain values
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// manifestSum is the hash of what a manifest says about rows, codes and a variant. Names and notes are not in it.
func manifestSum(m *bundle.Manifest, variant string) string {
	text, err := json.Marshal(struct {
		Input      bundle.Input
		Latent     bundle.Latent
		Likelihood string
		Variant    bundle.Variant
	}{m.Input, m.Latent, m.Likelihood, m.Variants[variant]})
	if err != nil {
		return "" // a manifest that was read can be written
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// A Check says what of a source is compared before a part of an earlier run is kept.
type Check string

// The checks.
const (
	Content Check = "content" // the hash of all bytes that the part's rows were read from
	Sample  Check = "sample"  // header and at most 16 rows a part, which alone are then hashed; it proves nothing about the others
)

// checks are all of them.
var checks = []string{string(Content), string(Sample)}

// A fingerprint says what a part's rows were read from: see dataset.Sums.
type fingerprint struct {
	Rows   string `json:"source_xxh3,omitempty"` // of all bytes; "" where the run was to look at samples only
	Sample string `json:"sample_xxh3"`           // of a few rows
}

// known reports a fingerprint that says what a check compares: those of older versions and of other hands may not.
func (f fingerprint) known(c Check) bool { return f.Sample != "" && (c == Sample || f.Rows != "") }

// keep returns the records of those blocks whose parts need not be made, by part: what they were made from is what this job
// would make them from, their files are whole, and the source's bytes are the same. The source is read for it, and not
// decoded. A part of other rows ends the run before any work in a folder; next to an output file it is made again.
func (p *Plan) keep(ctx context.Context, blocks []Block) (map[int]Record, error) {
	kept := map[int]Record{}
	if p.direct {
		return kept, nil
	}
	dropped := map[int]string{} // why, by part
	for _, b := range blocks {
		r, ok, err := p.Record(b)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			continue
		}
		if why := p.damaged(r); why != "" {
			dropped[b.Part] = why
			continue
		}
		kept[b.Part] = r
	}
	if p.Job.In == dataset.Stdin { // it is read once: what follows the first missing part is made again
		i := slices.IndexFunc(blocks, func(b Block) bool { _, ok := kept[b.Part]; return !ok })
		for _, b := range blocks[max(i, 0):] {
			if i >= 0 {
				delete(kept, b.Part)
			}
		}
	}
	if err := p.compare(ctx, blocks, kept, dropped); err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if why := dropped[b.Part]; why != "" {
			p.say("part %d %s: it is made again", b.Part, why)
			if err := removed(os.Remove(p.recordPath(b))); err != nil {
				return nil, fmt.Errorf("infer: %w", err)
			}
		}
	}
	return kept, nil
}

// Verify refuses parts of other rows in a folder, before any work: see keep. Workers verify for themselves; this is for whoever
// starts them.
func (p *Plan) Verify(ctx context.Context) error {
	_, err := p.keep(ctx, p.Blocks())
	return err
}

// damaged says why a part cannot be kept, whatever the source holds.
func (p *Plan) damaged(r Record) string {
	if !r.Source.known(p.Job.Check) {
		return "has a record that does not say what its rows were read from"
	}
	if r.Made.Backend == "" || r.Made.Manifest == "" {
		return "has a record that does not say what made it"
	}
	size, sum, err := hashPart(p.partPath(r.Block))
	switch {
	case err != nil:
		return "cannot be read"
	case size != r.Size || sum != r.SHA256:
		return "has other bytes than its record says"
	case r.Bad > 0:
		if n, err := linesIn(p.badPath(r.Block)); err != nil || n != r.Bad {
			return "has lost the list of its bad rows"
		}
	}
	return ""
}

// compare reads the rows of recorded parts again and drops those that were made from other rows, or refuses them.
func (p *Plan) compare(ctx context.Context, blocks []Block, kept map[int]Record, dropped map[int]string) (err error) {
	if len(kept) == 0 {
		return nil
	}
	in, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.giveBack(in)) }()
	for _, b := range blocks {
		r, ok := kept[b.Part]
		if !ok {
			continue
		}
		same, err := p.sameRows(in, r)
		switch {
		case err != nil:
			return err
		case same:
			continue
		case p.Job.Folder():
			return p.other(b, "from other rows")
		case p.Job.In == dataset.Stdin: // the rows have passed
			return p.forget(blocks)
		}
		dropped[b.Part] = "was made from other rows"
		delete(kept, b.Part)
	}
	return nil
}

// forget removes the records of parts that were made from another standard input.
func (p *Plan) forget(blocks []Block) error {
	for _, b := range blocks {
		if err := removed(os.Remove(p.recordPath(b))); err != nil {
			return fmt.Errorf("infer: %w", err)
		}
	}
	return errors.New("infer: standard input holds other rows than that of the run before, which was stopped: its parts are forgotten: give the command again")
}

// sameRows passes over a part's rows in the source and reports whether the part was made from them.
func (p *Plan) sameRows(in *input, r Record) (bool, error) {
	if p.Job.Check == Sample && p.Job.In != dataset.Stdin {
		return p.sameSample(in, r)
	}
	if err := in.skipTo(r.First); err != nil {
		return false, err
	}
	in.at += r.Rows
	if err := in.reader.Scan(r.Rows); err != nil {
		return false, err
	}
	got, err := p.fingerprint(in, r.Block)
	return err == nil && (got.Rows == r.Source.Rows || p.Job.Check == Sample) && got.Sample == r.Source.Sample, err
}

// fingerprint returns what a block's rows, all of which have been read, were read from.
func (p *Plan) fingerprint(in *input, b Block) (f fingerprint, err error) {
	var rows, sample bool
	f.Rows, rows = in.sums.Block(b.Part)
	f.Sample, sample = in.sums.Sampled(b.Part)
	if !sample || !rows && p.Job.Check != Sample {
		return f, fmt.Errorf("infer: %s: not all bytes that the rows of part %d were read from are known", p.Job.In, b.Part)
	}
	return f, nil
}

// sameSample is sameRows by the source's header and a few rows.
func (p *Plan) sameSample(in *input, r Record) (bool, error) {
	if err := in.skipTo(r.First); err != nil {
		return false, err
	}
	in.at += r.Rows
	if err := in.sums.ScanSampled(in.reader, r.Part); err != nil {
		return false, err
	}
	sum, ok := in.sums.Sampled(r.Part)
	return ok && sum == r.Source.Sample, nil
}

// othersSampled is how many parts of others are looked at.
const othersSampled = 16

// Agree reports parts in the folder, also of other shards, that were made otherwise or from other rows. It compares every
// record, and a few rows of some parts that others have made: those of other shards, or all where workers elsewhere made this
// one's. So a source that was replaced between two shards, or is another for one worker, is found, unless the rows that are looked
// at are the same in both.
// Under force nothing is reported: what is there may be replaced next.
func (p *Plan) Agree(ctx context.Context, workers bool) error {
	if p.Job.Force {
		return nil
	}
	return p.agree(ctx, workers)
}

func (p *Plan) agree(ctx context.Context, workers bool) error {
	if !p.Job.Folder() {
		return nil
	}
	entries, err := os.ReadDir(p.dir())
	if err != nil {
		return fmt.Errorf("infer: %w", err)
	}
	mine := p.Blocks()
	var others []Record
	p.Recorded = p.made.Backend
	for _, e := range entries {
		m := partFile.FindStringSubmatch(e.Name())
		if m == nil || m[4] != recordEnd {
			continue
		}
		part, _ := strconv.Atoi(m[1])
		r, ok, err := p.Record(p.block(part))
		if err != nil {
			return err
		}
		if !ok || !r.Source.known(Sample) || r.Made.Backend == "" {
			continue
		}
		if p.Recorded == "" {
			p.Recorded = r.Made.Backend
		}
		if r.Made.Backend != p.Recorded {
			return p.other(r.Block, fmt.Sprintf("by another backend: %s, not %s", r.Made.Backend, p.Recorded))
		}
		if n := len(mine); workers || n == 0 || part < mine[0].Part || part > mine[n-1].Part {
			others = append(others, r)
		}
	}
	if len(others) == 0 || p.Job.In == dataset.Stdin {
		return nil
	}
	return p.agreeInSome(ctx, others)
}

// agreeInSome compares a few rows of a few parts with the source.
func (p *Plan) agreeInSome(ctx context.Context, parts []Record) (err error) {
	slices.SortFunc(parts, func(a, b Record) int { return a.Part - b.Part })
	in, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.giveBack(in)) }()
	n := min(len(parts), othersSampled)
	for k := range n {
		r := parts[k*(len(parts)-1)/max(n-1, 1)]
		same, err := p.sameSample(in, r)
		if err != nil {
			return err
		}
		if !same {
			return p.other(r.Block, "from other rows")
		}
	}
	return nil
}

// A stamp tells whether a file was replaced, or written to, while it was read.
type stamp struct {
	path string
	info fs.FileInfo // nil where the file could not be asked
}

// stamp takes the stamps of the source's files. Pictures in a folder have none: each is read whole, at once.
func (p *Plan) stamp() {
	for _, path := range dataset.Files(p.Job.In, p.Job.Split) {
		info, _ := os.Stat(path) // opening it says why not
		p.stamps = append(p.stamps, stamp{path, info})
	}
}

// changed reports a source that was replaced, or written to, since the run began. What came before is safe: each part has the
// hash of what its rows were read from.
func (p *Plan) changed() error {
	for _, s := range p.stamps {
		now, err := os.Stat(s.path)
		if err == nil && s.info != nil && os.SameFile(now, s.info) && now.Size() == s.info.Size() && now.ModTime().Equal(s.info.ModTime()) {
			continue
		}
		return fmt.Errorf("infer: %s was changed or replaced while it was read, so that rows of both could be mixed: give the command again", s.path)
	}
	return nil
}

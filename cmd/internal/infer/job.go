package infer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/dataset"
)

// These errors say how a job ends without complete success.
var (
	// ErrJob: the job asks for something impossible.
	ErrJob = errors.New("bad job")
	// ErrPart: the job is done, except for bad rows that were tolerated.
	ErrPart = errors.New("partly done")
)

// Text is how text formats write packed codes.
type Text string

// The texts of a code.
const (
	Bits Text = "bits" // "1011…", the first bit first
	Hex  Text = "hex"
)

// texts are all of them.
var texts = []string{string(Bits), string(Hex)}

// A Shard is a share of a job's parts: the i-th of n, i from 0.
type Shard struct{ Index, Of int }

// ParseShard returns the shard of a text such as "0/3"; "" means all parts.
func ParseShard(s string) (Shard, error) {
	if s == "" {
		return Shard{0, 1}, nil
	}
	a, b, ok := strings.Cut(s, "/")
	i, err1 := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || i < 0 || i >= n || n > maxParts {
		return Shard{}, fmt.Errorf("infer: %w: shard %q: write I/N, I from 0 to N-1: 0/3, 1/3 and 2/3 are the shards of three", ErrJob, s)
	}
	return Shard{i, n}, nil
}

// A Job says what to do: plain data, which can be sent elsewhere. [Job.Normal] fills in what is left out.
type Job struct {
	Model   string        `json:"model"` // bundle
	In      string        `json:"in"`    // source: see dataset.Open
	Split   dataset.Split `json:"split,omitempty"`
	Divide  float64       `json:"divide,omitempty"` // of numbers that are not bytes; 0: as the manifest says
	Table   dataset.Table `json:"table,omitzero"`   // how tables are read; the manifest's columns are added
	Texts   Texts         `json:"texts,omitzero"`   // where rows are texts
	Out     string        `json:"out"`              // file, a folder where it ends in a slash, or "-" for standard output
	Mode    Mode          `json:"mode"`
	Codes   Codes         `json:"codes"`
	Format  Format        `json:"format"`
	Text    Text          `json:"text"`
	Variant string        `json:"variant"`
	// PartRows is the number of rows of a part; 0 means a power of two that makes a part of about 256 MiB of input and
	// output.
	PartRows int     `json:"part_rows,omitempty"`
	MaxBad   float64 `json:"max_bad,omitempty"` // ratio of bad rows that is tolerated
	Shard    Shard   `json:"shard"`
	Force    bool    `json:"force,omitempty"` // replace an output that exists
	Check    Check   `json:"check,omitempty"` // before parts of an earlier run are kept; "" means Content

	// How it is done: these change nothing in the output.
	Batch   int `json:"batch,omitempty"`   // rows of one run; 0: see runtime.BatchOf
	Callers int `json:"callers,omitempty"` // goroutines that run graphs; 0 means one a core
}

// Folder reports whether the output is a folder of parts.
func (j Job) Folder() bool {
	return strings.HasSuffix(j.Out, "/") || strings.HasSuffix(j.Out, string(filepath.Separator))
}

// maxParts bounds the parts, which have five digits in their names.
const maxParts = 99_999

// Normal returns the job with its defaults, or an [ErrJob] for something impossible.
func (j Job) Normal() (Job, error) {
	set(&j.Mode, Encode)
	set(&j.Codes, Packed)
	set(&j.Format, Auto)
	set(&j.Text, Bits)
	set(&j.Check, Content)
	set(&j.Variant, bundle.VariantFloat32)
	if j.Shard.Of == 0 {
		j.Shard = Shard{0, 1}
	}
	if j.Mode != Encode {
		j.Codes = Packed
	}
	if j.Format == Auto {
		var err error
		if j.Format, err = formatOf(j.Out); err != nil {
			return j, err
		}
	}
	if err := j.Table.Check(); err != nil {
		return j, fmt.Errorf("infer: %w: %w", ErrJob, err)
	}
	switch {
	case j.Model == "" || j.In == "" || j.Out == "":
		return j, fmt.Errorf("infer: %w: name a model, an input and an output", ErrJob)
	case !(j.MaxBad >= 0 && j.MaxBad <= 1):
		return j, fmt.Errorf("infer: %w: --max-bad %g: use a ratio of 0 to 1", ErrJob, j.MaxBad)
	case j.PartRows < 0 || j.Batch < 0 || j.Batch > 1<<20 || j.Callers < 0 || j.Callers > 1024:
		return j, fmt.Errorf("infer: %w: parts of %d rows, batches of %d, %d callers: use 0, or a part of 1 or more, a batch of 1 to %d, 1 to 1024 callers", ErrJob, j.PartRows, j.Batch, j.Callers, 1<<20)
	case !slices.Contains(checks, string(j.Check)):
		return j, unknown("check", string(j.Check), checks)
	case !slices.Contains(texts, string(j.Text)):
		return j, unknown("text", string(j.Text), texts)
	case !slices.Contains(modes(), string(j.Mode)):
		return j, unknown("mode", string(j.Mode), modes())
	}
	made, ok := productOf(j.Mode, j.Codes)
	if !ok {
		all, _ := codesOf()
		return j, unknown("codes", string(j.Codes), all)
	}
	f, ok := formatNamed(j.Format)
	if !ok {
		return j, unknown("format", string(j.Format), formatNames(nil))
	}
	if !f.holds(made) {
		return j, fmt.Errorf("infer: %w: %s holds %s: write %s as %s", ErrJob, f.name, f.holding(), made.name, enumerate("or", formatNames(&made)))
	}
	if _, packing := outfile.Ends(j.Out); packing.Name != "" && f.packed {
		return j, fmt.Errorf("infer: %w: %s files are packed in themselves: leave %s off the name %s", ErrJob, f.name, packing.End, j.Out)
	}
	return j, nil
}

// unknown is the error for a word that is in no table.
func unknown(what, word string, known []string) error {
	return fmt.Errorf("infer: %w: %s %q: use %s", ErrJob, what, word, enumerate("or", known))
}

func set[T ~string](to *T, value T) {
	if *to == "" {
		*to = value
	}
}

package infer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
)

// These errors say how a job ends short of success.
var (
	// ErrJob: the job asks for what cannot be.
	ErrJob = errors.New("bad job")
	// ErrPart: the job is done, but for rows that are bad and were tolerated.
	ErrPart = errors.New("done in part")
)

// A Mode is what is made of rows.
type Mode string

// The modes. Decode takes packed codes; the others take rows.
const (
	Encode      Mode = "encode"
	Decode      Mode = "decode"
	Reconstruct Mode = "reconstruct"
	Score       Mode = "score"
)

// Codes says what encode writes.
type Codes string

// The kinds of codes: 8 bits a byte; one byte a variable, its category or bit; the encoder's logits.
const (
	Packed Codes = "packed"
	Index  Codes = "index"
	Logits Codes = "logits"
)

// A Format is what files are written in.
type Format string

// The formats. Auto is by the output's name, NPY where that says nothing.
const (
	Auto    Format = "auto"
	NPY     Format = "npy"
	CSV     Format = "csv"
	JSONL   Format = "jsonl"
	Raw     Format = "raw"
	Parquet Format = "parquet"
	PNG     Format = "png"
)

// Text is how CSV and JSON lines write packed codes.
type Text string

// The texts of a code.
const (
	Bits Text = "bits" // "1011…", the first bit first
	Hex  Text = "hex"
)

// A Shard is a share of a job's parts: the i-th of n, i from 0.
type Shard struct{ Index, Of int }

// ParseShard returns the shard of a flag's text, "0/3". "" is the whole.
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

// A Job is what is wanted: plain data, which can be sent elsewhere. [Job.Normal] fills in what is left out.
type Job struct {
	Model   string        `json:"model"` // bundle
	In      string        `json:"in"`    // source: see dataset.Open
	Split   dataset.Split `json:"split,omitempty"`
	Divide  float64       `json:"divide,omitempty"` // see dataset.Options
	Out     string        `json:"out"`              // file, or a folder where it ends in a slash
	Mode    Mode          `json:"mode"`
	Codes   Codes         `json:"codes"`
	Format  Format        `json:"format"`
	Text    Text          `json:"text"`
	Variant string        `json:"variant"`
	// PartRows is the number of rows of a part; 0 means a power of two that makes a part of some 256 MiB of input and
	// output.
	PartRows int     `json:"part_rows,omitempty"`
	MaxBad   float64 `json:"max_bad,omitempty"` // ratio of bad rows that is tolerated
	Shard    Shard   `json:"shard"`
	Force    bool    `json:"force,omitempty"` // replace an output that exists

	// How, which changes nothing of what comes out.
	Batch   int `json:"batch,omitempty"`   // rows of one run; 0: see runtime.BatchOf
	Callers int `json:"callers,omitempty"` // goroutines that run graphs; 0 means one a core
}

// Folder reports whether the output is a folder of parts.
func (j Job) Folder() bool {
	return strings.HasSuffix(j.Out, "/") || strings.HasSuffix(j.Out, string(filepath.Separator))
}

// maxParts bounds the parts, which have five digits in their names.
const maxParts = 99_999

// Normal returns the job with its defaults, or an [ErrJob] for what cannot be.
func (j Job) Normal() (Job, error) {
	set(&j.Mode, Encode)
	set(&j.Codes, Packed)
	set(&j.Format, Auto)
	set(&j.Text, Bits)
	set(&j.Variant, bundle.VariantFloat32)
	if j.Shard.Of == 0 {
		j.Shard = Shard{0, 1}
	}
	if j.Mode != Encode {
		j.Codes = Packed
	}
	if j.Format == Auto {
		j.Format = formatOf(j.Out)
	}
	switch {
	case j.Model == "" || j.In == "" || j.Out == "":
		return j, fmt.Errorf("infer: %w: model, input and output must be named", ErrJob)
	case !(j.MaxBad >= 0 && j.MaxBad <= 1):
		return j, fmt.Errorf("infer: %w: --max-bad %g: use a ratio of 0 to 1", ErrJob, j.MaxBad)
	case j.PartRows < 0 || j.Batch < 0 || j.Batch > 1<<20 || j.Callers < 0 || j.Callers > 1024:
		return j, fmt.Errorf("infer: %w: parts of %d rows, batches of %d, %d callers: use 0, or a part of 1 or more, a batch of 1 to %d, 1 to 1024 callers", ErrJob, j.PartRows, j.Batch, j.Callers, 1<<20)
	case !slices.Contains([]Mode{Encode, Decode, Reconstruct, Score}, j.Mode),
		!slices.Contains([]Codes{Packed, Index, Logits}, j.Codes),
		!slices.Contains([]Text{Bits, Hex}, j.Text),
		!slices.Contains([]Format{NPY, CSV, JSONL, Raw, Parquet, PNG}, j.Format):
		return j, fmt.Errorf("infer: %w: mode %q, codes %q, text %q, format %q: one is not known", ErrJob, j.Mode, j.Codes, j.Text, j.Format)
	case j.Format == Parquet && (j.Mode != Encode || j.Codes != Packed):
		return j, fmt.Errorf("infer: %w: parquet holds packed codes: write %s as npy, csv or jsonl", ErrJob, j.what())
	case j.Format == PNG && j.Mode != Decode && j.Mode != Reconstruct:
		return j, fmt.Errorf("infer: %w: png holds reconstructions: write %s as npy, csv or jsonl", ErrJob, j.what())
	}
	return j, nil
}

func set[T ~string](to *T, value T) {
	if *to == "" {
		*to = value
	}
}

// what names the results, for people.
func (j Job) what() string {
	switch {
	case j.Mode == Encode && j.Codes == Packed:
		return "packed codes"
	case j.Mode == Encode && j.Codes == Index:
		return "indexes"
	case j.Mode == Encode:
		return "logits"
	case j.Mode == Score:
		return "scores"
	}
	return "reconstructions"
}

// extensions holds the ends of files' names by format; the first is the one that parts have.
var extensions = map[Format][]string{
	NPY: {".npy"}, CSV: {".csv"}, JSONL: {".jsonl", ".ndjson"}, Raw: {".raw", ".bin"}, Parquet: {".parquet"}, PNG: {".png"},
}

func formatOf(path string) Format {
	for format, ends := range extensions {
		if slices.Contains(ends, strings.ToLower(filepath.Ext(path))) {
			return format
		}
	}
	return NPY
}

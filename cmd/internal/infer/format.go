package infer

import (
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// A Format is a format of output files.
type Format string

// The formats. Auto goes by the output's name, and means NPY where the name says nothing.
const (
	Auto    Format = "auto"
	NPY     Format = "npy"
	CSV     Format = "csv"
	JSONL   Format = "jsonl"
	Raw     Format = "raw"
	Parquet Format = "parquet"
	PNG     Format = "png"
)

// A format is a row of the table of output formats.
type format struct {
	name   Format
	ends   []string // of files' names; parts have the first
	codes  string   // how packed codes are written; "" where they are not
	others string   // how anything else is written; "" where nothing is
	mode   []Mode   // the modes that it can hold; nil means all
	text   bool     // numbers are written as text: their size is estimated

	open func(p *Plan, w io.Writer, rows int) (formatter, error) // a file that will hold that many rows

	// If parts are folders with a file for each row, folder opens one, and a single file holds at most most rows.
	folder func(p *Plan, path string) (partBody, error)
	most   int
}

// A formatter writes results, in order, in one format. Close ends the format, not the file.
type formatter interface {
	write(r results) error
	close() error
}

// formats is the table of output formats.
var formats = []format{
	{
		name: NPY, ends: []string{".npy"}, open: newNPY,
		codes: "uint8 [rows, bytes]: numpy and FAISS read it as it is", others: "float32 or uint8 [rows, …]",
	},
	{
		name: CSV, ends: []string{".csv"}, open: newCSV, text: true,
		codes: "`id,code`, as bits or hexadecimal digits", others: "`id` and a column a value",
	},
	{
		name: JSONL, ends: []string{".jsonl", ".ndjson"}, open: newJSONL, text: true,
		codes: `{"id":17,"code":"1011…"}`, others: `{"id":17,"logits":[…]}`,
	},
	{
		name: Raw, ends: []string{".raw", ".bin"}, open: newRaw,
		codes: "bytes, row after row", others: "bytes, or float32 with the low byte first",
	},
	{
		name: Parquet, ends: []string{".parquet"}, open: newParquet,
		codes: "`id` and `code`, a fixed-size binary",
	},
	{
		name: PNG, ends: []string{".png"}, open: newSheet, folder: newPictures, most: maxSheet, mode: []Mode{Decode, Reconstruct},
		others: "one sheet, or a file a row in `DIR/`",
	},
}

// holds reports whether the format can hold a product.
func (f format) holds(p product) bool {
	if f.mode != nil && !slices.Contains(f.mode, p.mode) {
		return false
	}
	return p.packed && f.codes != "" || !p.packed && f.others != ""
}

// holding names the products that the format can hold.
func (f format) holding() string {
	var names []string
	for _, p := range products {
		if f.holds(p) && !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return enumerate("and", names)
}

// formatNamed returns a format by its name.
func formatNamed(name Format) (format, bool) {
	i := slices.IndexFunc(formats, func(f format) bool { return f.name == name })
	if i < 0 {
		return format{}, false
	}
	return formats[i], true
}

// formatNames returns the names of the formats that can hold a product, or of all formats where it is nil.
func formatNames(p *product) (names []string) {
	for _, f := range formats {
		if p == nil || f.holds(*p) {
			names = append(names, string(f.name))
		}
	}
	return names
}

// formatOf returns the format that an output's name says, NPY where it says nothing.
func formatOf(path string) Format {
	for _, f := range formats {
		if slices.Contains(f.ends, strings.ToLower(filepath.Ext(path))) {
			return f.name
		}
	}
	return NPY
}

// rowBytes estimates the size of a row in a format.
func (p *Plan) rowBytes(f format) int {
	switch {
	case !f.text:
		return p.out.rowBytes()
	case p.out.packed && p.Job.Text == Bits:
		return p.out.bits + 16
	case p.out.dtype == onnxtensor.Uint8: // two digits a byte, or a digit and a comma
		return 2*p.out.width() + 16
	}
	return 10*p.out.width() + 16
}

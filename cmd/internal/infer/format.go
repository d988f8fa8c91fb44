package infer

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/packing"
)

// A Format is a format of output files.
type Format string

// The formats. Auto goes by the output's name. Where that has no end it means NPY, for standard output CSV.
const (
	Auto    Format = "auto"
	NPY     Format = "npy"
	CSV     Format = "csv"
	TSV     Format = "tsv"
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
	packed bool     // files are packed in themselves: packing them again would gain nothing

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
		name: CSV, ends: []string{".csv"}, open: separatedBy(','), text: true,
		codes: "`id,code`, as bits or hexadecimal digits", others: "`id` and a column a value",
	},
	{
		name: TSV, ends: []string{".tsv"}, open: separatedBy('\t'), text: true,
		codes: "as CSV, with tabs", others: "as CSV, with tabs",
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
		name: Parquet, ends: []string{".parquet"}, open: newParquet, packed: true,
		codes: "`id` and `code`, a fixed-size binary",
	},
	{
		name: PNG, ends: []string{".png"}, open: newSheet, folder: newPictures, most: maxSheet, mode: []Mode{Decode, Reconstruct}, packed: true,
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

// formatOf returns the format that an output's name says. A name with an end that no format has is an error: nobody would look
// there for what another format writes.
func formatOf(path string) (Format, error) {
	if path == outfile.Stdout {
		return CSV, nil
	}
	end, packed := outfile.Ends(path)
	switch i := slices.IndexFunc(formats, func(f format) bool { return slices.Contains(f.ends, end) }); {
	case i >= 0:
		return formats[i].name, nil
	case end == "" && packed.Name == "":
		return NPY, nil
	case end == "":
		return "", fmt.Errorf("infer: %w: the name of %s says no format: end it in %s before %s, or choose one by --format", ErrJob, path, enumerate("or", formatEnds()), packed.End)
	}
	return "", fmt.Errorf("infer: %w: the output %s ends in %q, which is no format's: end it in %s (%s packs it), or choose a format by --format", ErrJob, path, end, enumerate("or", formatEnds()), packedBy())
}

// formatEnds returns the ends of names by which formats are known.
func formatEnds() (ends []string) {
	for _, f := range formats {
		ends = append(ends, f.ends...)
	}
	return ends
}

// packedBy says which ends of names pack a file.
func packedBy() string {
	var ends []string
	for _, p := range packing.All() {
		ends = append(ends, p.End)
	}
	return enumerate("or", ends) + " after it"
}

// openOutput opens the output file, packed as its name says.
func (p *Plan) openOutput(w io.Writer, rows int) (formatter, error) {
	if _, by := outfile.Ends(p.Job.Out); by.Name != "" {
		packed, err := by.Pack(w)
		if err != nil {
			return nil, err
		}
		f, err := p.target.open(p, packed, rows)
		return &packedFormatter{f, packed}, err
	}
	return p.target.open(p, w, rows)
}

// packedFormatter ends the packing after the format.
type packedFormatter struct {
	formatter
	packed io.Closer
}

func (f *packedFormatter) close() error { return errors.Join(f.formatter.close(), f.packed.Close()) }

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

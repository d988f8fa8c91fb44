package explore

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
)

// An Explorer is an open model with rows to look at and codes to search in. It is safe for concurrent use.
type Explorer struct {
	Model  *runtime.Model
	Bundle string       // where the bundle is, for people
	Rows   *dataset.Set // nil: what is looked at is drawn from the prior
	Of     int          // how many rows the source has, where Rows are the first of more; else 0
	Codes  *Codes       // nil: there are none to search in
}

// An Info is what the page is told of a model, its rows and its codes. Of files it has the last part of their names alone: pages are sent around.
type Info struct {
	Engine   string    `json:"engine"` // "served" or "alone"
	Name     string    `json:"name"`
	Bundle   string    `json:"bundle"`
	Runtime  string    `json:"runtime"` // what runs the graphs
	Manifest manifest  `json:"manifest"`
	Black    float32   `json:"black"` // the values that are black and white in pictures
	White    float32   `json:"white"`
	Logits   int       `json:"logits"` // numbers of a row's latent logits
	Columns  []string  `json:"columns,omitempty"`
	Scaled   string    `json:"scaled,omitempty"` // what a reconstruction is multiplied with to be compared with a row: "sum" or "length"
	Sampled  bool      `json:"sampled"`          // whether codes can be drawn from the prior
	Pictures bool      `json:"pictures"`         // whether the model takes pictures
	Bytes    []float32 `json:"bytes,omitempty"`  // the value that each byte becomes
	Rows     *rowsInfo `json:"rows,omitempty"`
	Codes    *codeInfo `json:"codes,omitempty"`
}

// A manifest is the part of the bundle's that the page reads.
type manifest struct {
	Input      bundle.Input      `json:"input"`
	Latent     bundle.Latent     `json:"latent"`
	Predicted  *bundle.Predicted `json:"predicted,omitempty"`
	Likelihood string            `json:"likelihood"`
	Warnings   []string          `json:"warnings,omitempty"`
}

type rowsInfo struct {
	Source string   `json:"source"`
	Count  int      `json:"count"`
	Of     int      `json:"of,omitempty"`    // rows of the source, where these are the first of more
	Names  []string `json:"names,omitempty"` // absent: rows are called by their numbers
}

type codeInfo struct {
	Source string `json:"source"`
	Count  int    `json:"count"`
	Of     int    `json:"of,omitempty"`
	// Of a page that stands alone: what each code is called, and the row that it was made of, -1 where the page does not hold it.
	Names []string `json:"names,omitempty"`
	Rows  []int    `json:"rows,omitempty"`
}

// info says what the page is told.
func (e *Explorer) info(engine string) Info {
	m := e.Model.Manifest()
	black, white := m.Input.Values().Shades()
	in := Info{
		Engine: engine, Name: m.Name, Bundle: filepath.Base(e.Bundle), Runtime: e.Model.Backend(), Black: black, White: white, Logits: m.Latent.Dist().Logits(),
		Manifest: manifest{Input: m.Input, Latent: m.Latent, Predicted: m.Predicted, Likelihood: m.Likelihood, Warnings: m.Warnings},
		Columns:  m.Input.Columns, Sampled: !m.Latent.Dist().Conditional,
	}
	if _, err := e.Model.Pictures(); err == nil {
		in.Pictures = true
		table := m.Input.Values().Table()
		in.Bytes = table[:]
	}
	switch m.Likelihood {
	case dist.Multinomial:
		in.Scaled = "sum"
	case dist.VonMisesFisher:
		in.Scaled = "length"
	}
	if e.Rows != nil {
		in.Rows = &rowsInfo{Source: filepath.Base(e.Rows.Source), Count: e.Rows.Len(), Of: e.Of}
		if in.Columns == nil && e.Rows.Columns != nil {
			in.Columns = e.Rows.Columns
		}
		in.Rows.Names = rowNames(e.Rows)
	}
	if e.Codes != nil {
		in.Codes = &codeInfo{Source: filepath.Base(e.Codes.Source), Count: e.Codes.live()}
	}
	return in
}

// rowNames returns what rows are called, nil where it is their numbers.
func rowNames(rows *dataset.Set) (names []string) {
	if !rows.Named() && len(rows.Bad()) == 0 {
		return nil
	}
	for i := range rows.Len() {
		name := rows.ID(i)
		if !rows.Named() { // bad rows were passed over
			name = "row " + name
		}
		names = append(names, name)
	}
	return names
}

// maxNumbers bounds the values of a row and the numbers of a code, so that one of them fits into a request.
const maxNumbers = 6_000_000

// Check reports what cannot be explored.
func (e *Explorer) Check() error {
	m := e.Model.Manifest()
	if numbers := max(m.Input.RowSize(), m.Latent.Bits()); numbers > maxNumbers {
		return fmt.Errorf("explore: %w: rows have %d values and codes %d, at most %d can be shown", runtime.ErrInput, m.Input.RowSize(), m.Latent.Bits(), maxNumbers)
	}
	if e.Rows == nil && m.Latent.Dist().Conditional {
		return fmt.Errorf("explore: %w: the model predicts a part of a row from the rest, and there are no rows: nothing can be drawn from a prior", runtime.ErrInput)
	}
	return nil
}

// rows returns count rows from first on.
func (e *Explorer) rows(first, count int) []float32 {
	size := e.Rows.RowSize()
	values := make([]float32, count*size)
	for i := range count {
		e.Rows.Row(first+i, values[i*size:][:size])
	}
	return values
}

// picture returns the row of a picture's file.
func (e *Explorer) picture(ctx context.Context, file []byte) ([]float32, error) {
	rule, err := e.Model.Pictures()
	if err != nil {
		return nil, err
	}
	row := make([]byte, rule.Size())
	if err := rule.Decode(ctx, row, file); err != nil {
		return nil, err
	}
	table := e.Model.Manifest().Input.Values().Table()
	values := make([]float32, len(row))
	for i, b := range row {
		values[i] = table[b]
	}
	return values, nil
}

// encode returns the codes and the logits of rows.
func (e *Explorer) encode(ctx context.Context, rows []float32) (codes, logits []float32, err error) {
	if logits, err = e.Model.Logits(ctx, nil, rows); err == nil {
		codes, err = e.threshold(ctx, logits)
	}
	return codes, logits, err
}

// threshold returns the codes of logits, as the decoder takes them.
func (e *Explorer) threshold(ctx context.Context, logits []float32) ([]float32, error) {
	l := e.Model.Manifest().Latent.Dist()
	if l.Discrete() {
		packed, err := e.Model.Threshold(ctx, nil, logits)
		if err != nil {
			return nil, err
		}
		return runtime.Unpack(e.Model.Manifest().Latent, nil, packed)
	}
	size, bits := l.Logits(), l.Bits() // packed codes have signs alone
	codes := make([]float32, len(logits)/size*bits)
	for i := range len(logits) / size {
		l.Harden(codes[i*bits:][:bits], logits[i*size:][:size])
	}
	return codes, nil
}

// decodedAtOnce is how many codes the atlas has decoded in one call.
const decodedAtOnce = 256

// atlas returns what the bits of count variables from first on do: for each bit, the mean over codes of the difference that it makes
// to what is decoded. Of a bit that is a variable by itself it is what is decoded with the bit less what is decoded without it; of a
// category, what is decoded with it less the mean over all categories of its variable.
func (e *Explorer) atlas(ctx context.Context, codes []float32, first, count int) ([]float32, error) {
	l, target := e.Model.Manifest().Latent.Dist(), e.Model.Manifest().TargetSize()
	var out []float32
	for v := first; v < first+count; v++ {
		from, to := l.Variable(v)
		means, err := e.choices(ctx, codes, from, to)
		if err != nil {
			return nil, err
		}
		if to-from == 1 { // means of the bit's two values
			for i := range target {
				out = append(out, float32(means[target+i]-means[i]))
			}
			continue
		}
		middle := make([]float64, target)
		for i, x := range means {
			middle[i%target] += x / float64(to-from)
		}
		for i, x := range means {
			out = append(out, float32(x-middle[i%target]))
		}
	}
	return out, nil
}

// choices returns, for each value of the variable at code[from:to], the mean of what codes with that value decode to.
func (e *Explorer) choices(ctx context.Context, codes []float32, from, to int) ([]float64, error) {
	m := e.Model.Manifest()
	bits, target := m.Latent.Bits(), m.TargetSize()
	clear, set := m.Latent.Dist().Unpacked()
	values := max(2, to-from)
	means := make([]float64, values*target)
	rows := len(codes) / bits
	for value := range values {
		changed := slices.Clone(codes)
		for r := range rows {
			code := changed[r*bits:][from:to]
			if len(code) == 1 {
				code[0] = []float32{clear, set}[value]
				continue
			}
			for i := range code {
				code[i] = 0
			}
			code[value] = 1
		}
		for at := 0; at < rows; at += decodedAtOnce {
			n := min(decodedAtOnce, rows-at)
			decoded, err := e.Model.Decode(ctx, nil, changed[at*bits:][:n*bits])
			if err != nil {
				return nil, err
			}
			for i, x := range decoded {
				means[value*target+i%target] += float64(x) / float64(rows)
			}
		}
	}
	return means, nil
}

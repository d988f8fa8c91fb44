package rivals

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/imgrid"
	"github.com/catvae/catvae/internal/projection"
)

// rows are those of several sets.
type rows struct {
	sets  []*dataset.Set
	ends  []int // row after the last of each
	count int
	width int
}

func concatenated(sets []*dataset.Set) rows {
	r := rows{sets: sets, width: sets[0].RowSize()}
	for _, s := range sets {
		r.count += s.Len()
		r.ends = append(r.ends, r.count)
	}
	return r
}

// place returns in which set a row is, and which of its rows.
func (r rows) place(i int) (*dataset.Set, int) {
	k := 0
	for i >= r.ends[k] {
		k++
	}
	return r.sets[k], i - (r.ends[k] - r.sets[k].Len())
}

func (r rows) raw(i int, dst []float32) {
	s, at := r.place(i)
	s.Row(at, dst)
}

// measured is a row as distances are measured.
func (r rows) measured(s dist.Standard, i int, dst []float32) {
	r.raw(i, dst)
	standardised(s, dst)
}

// seen writes a row to dst as rivals take it: as distances are measured, or as a vector that the model's graph prepares. Distances are then
// those of the rows as they are, whole and not centred.
func (r rows) seen(s dist.Standard, i int, dst []float32) {
	if s.Kind() != dist.StandardVector {
		r.measured(s, i, dst)
		return
	}
	row := make([]float32, r.width)
	r.raw(i, row)
	s.Apply(dst, row)
}

// standardised standardises a row in place, as the encoder's graph does where values have units of their own, or are counts. One mean and one
// deviation of all values change no rival's bits, and angles are those of the rows as they are.
func standardised(s dist.Standard, row []float32) {
	switch s.Kind() {
	case dist.StandardColumn:
		s.Apply(row, row)
	case dist.StandardLog:
		for i, x := range row {
			row[i] = float32(math.Log1p(float64(x)))
		}
	}
}

// labels returns the rows' labels, nil where they have none.
func (r rows) labels() []int {
	if !slices.ContainsFunc(r.sets, func(s *dataset.Set) bool { return s.Labels }) {
		return nil
	}
	labels, some := make([]int, r.count), false
	for i := range labels {
		s, at := r.place(i)
		labels[i] = s.Label(at)
		some = some || labels[i] != -1
	}
	if !some {
		return nil
	}
	return labels
}

// encoded returns a model's packed codes of all rows.
func (r rows) encoded(ctx context.Context, model Encoder, progress func(done, total int)) (packed []byte, err error) {
	const chunk = 256
	batch := make([]float32, 0, chunk*r.width)
	for from := 0; from < r.count; from += chunk {
		n := min(chunk, r.count-from)
		batch = batch[:n*r.width]
		for i := range n {
			r.raw(from+i, batch[i*r.width:][:r.width])
		}
		if packed, err = model.Encode(ctx, packed, batch); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(from+n, r.count)
		}
	}
	return packed, nil
}

// maxFitWidth bounds the values of a row that maps are fitted to: 64x64 pixels in colours, and some.
const maxFitWidth = 1 << 14

// rivals makes the codes of the rivals that o names, of as many bits as the model has where they can, fitted to rows of training, and hands
// them to visit, by their names in order. It returns to how many rows they were fitted, and which rivals were left out, and why.
func (r rows) rivals(ctx context.Context, bits int, training rows, o Options, visit func(name string, packed []byte, bits int) error) (fitted int, leftOut []string, err error) {
	if len(o.Rivals) == 0 {
		return 0, nil, nil
	}
	if r.width > maxFitWidth {
		return 0, []string{fmt.Sprintf("rivals: rows of %d values are too wide to be fitted to", r.width)}, nil
	}
	data, fitted, err := training.data(o)
	if err != nil {
		return 0, nil, err
	}
	in := input{
		rows: r.count, width: o.Standard.Size(r.width), bits: bits, fit: data, shape: r.sets[0].Shape,
		row: func(i int, dst []float32) { r.seen(o.Standard, i, dst) }, picture: r.raw,
	}
	in.format = imgrid.Of(in.shape)
	in.format.Black, in.format.White = r.sets[0].Values().Shades()
	for _, name := range slices.Compact(slices.Sorted(slices.Values(o.Rivals))) {
		rival := table[name]
		if why := rival.unfit(in); why != "" {
			leftOut = append(leftOut, name+": "+why)
			continue
		}
		packed, bits, err := rival.encode(ctx, in)
		if err != nil {
			return fitted, leftOut, fmt.Errorf("rivals: %s: %w", name, err)
		}
		if err := visit(name, packed, bits); err != nil {
			return fitted, leftOut, err
		}
	}
	return fitted, leftOut, nil
}

// data returns rows to fit rivals to, evenly taken, and how many.
func (r rows) data(o Options) (*projection.Data, int, error) {
	width := o.Standard.Size(r.width)
	taken := projection.Taken(r.count, width)
	n := len(taken)
	to := projection.Rows{Count: n, Width: width, Values: make([]float32, n*width)}
	for i, row := range taken {
		r.seen(o.Standard, row, to.Row(i))
	}
	data, err := projection.NewData(to, projection.Seeded(o.Seed))
	return data, n, err
}

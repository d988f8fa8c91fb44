package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train/report"
)

// What a report shows of rows that are not pictures.
const (
	columnRows    = 1000 // that are looked at
	columnChunk   = 250  // of them at once
	shownColumns  = 40   // those that vary most
	shownBits     = 24   // those with the most entropy
	shownTop      = 8    // columns of a bit, or of a row
	shownProfiles = 6    // rows
	shownSamples  = 8
)

// columnSums are sums over rows, for each column.
type columnSums struct {
	rows           int
	sum, square    []float64
	left           []float64 // squared differences of the reconstructions
	bits           []int     // the bits that are shown
	set            []int     // by those: rows that have the bit
	ones           [][]float64
	size, codeSize int
	least          float64 // difference that is shown
}

// addColumns adds what people can read of rows that are not pictures: columns, what bits say of them, and rows with their
// reconstructions.
func (r *run) addColumns(ctx context.Context, model *runtime.Model, set *dataset.Set, d *report.Data) error {
	manifest := model.Manifest()
	cut, whole, size := manifest.Cut(), set.RowSize(), manifest.TargetSize() // columns are those that the decoder gives
	s := columnSums{size: size, codeSize: codes.Bytes(r.trained.Model.Bits()), sum: make([]float64, size), square: make([]float64, size), left: make([]float64, size)}
	s.bits = mostTelling(d.Bits)
	s.set, s.ones = make([]int, len(s.bits)), make([][]float64, len(s.bits))
	for i := range s.ones {
		s.ones[i] = make([]float64, size)
	}
	var first, decoded []float32 // the rows that are shown, and their reconstructions
	for n := min(columnRows, set.Len()); s.rows < n; {
		rows := make([]float32, min(columnChunk, n-s.rows)*whole)
		for i := range len(rows) / whole {
			set.Row(s.rows+i, rows[i*whole:][:whole])
		}
		packed, err := model.Encode(ctx, nil, rows)
		if err != nil {
			return err
		}
		back, err := model.Reconstruct(ctx, nil, rows)
		if err != nil {
			return err
		}
		rows = targets(manifest, rows)
		scale(r.trained.Model.Likelihood, rows, back, size)
		if s.rows == 0 {
			shown := min(shownProfiles, len(rows)/size) * size
			first, decoded = rows[:shown], back[:shown]
		}
		s.add(rows, back, packed)
	}
	d.Figures = append(d.Figures, s.error())
	s.least = 0.005
	if r.trained.Model.LikelihoodName() != dist.Bernoulli { // of any unit
		most := 0.0
		for c := range size {
			most = max(most, s.variance(c))
		}
		s.least *= math.Sqrt(most)
	}
	names := dist.AppendTarget(cut, nil, columnNames(set), set.Shape)[:size]
	d.Columns, d.ColumnCount, d.ColumnRows = s.columns(names), size, s.rows
	d.BitColumns = s.bitColumns(names)
	shown := s.mostVaried()
	for i, row := range split(first, size) {
		d.Profiles = append(d.Profiles, s.profile(names, shown, i, row, decoded[i*size:][:size]))
	}
	if !cut.IsZero() { // nothing is drawn without a row
		return nil
	}
	samples, err := model.Sample(ctx, nil, shownSamples, r.config.Seed)
	if err != nil {
		return err
	}
	for _, row := range split(samples, size) {
		d.SampleColumns = append(d.SampleColumns, s.most(names, func(c int) float64 { return float64(row[c]) - s.mean(c) }, func(c int) float64 { return float64(row[c]) }))
	}
	return nil
}

// targets returns what the decoder is to give of rows.
func targets(m *bundle.Manifest, rows []float32) (all []float32) {
	if m.Predicted == nil && m.Input.Standard.Dist().Vector.IsZero() {
		return rows
	}
	size := m.Input.RowSize()
	for ; len(rows) >= size; rows = rows[size:] {
		all = m.AppendTarget(all, rows[:size])
	}
	return all
}

// scale brings reconstructions to the size of their rows, where the likelihood gives shares or directions.
func scale(c dist.LikelihoodConfig, rows, decoded []float32, size int) {
	l, err := dist.LikelihoodOf(c)
	if s, ok := l.(dist.ScaledLikelihood); ok && err == nil {
		for at := 0; at < len(rows); at += size {
			by := s.Scale(rows[at:][:size])
			for i := range decoded[at:][:size] {
				decoded[at+i] *= by
			}
		}
	}
}

// error is the figure of how far reconstructions are from rows.
func (s *columnSums) error() report.Figure {
	sum := 0.0
	for _, x := range s.left {
		sum += x
	}
	return report.Figure{
		Name: "root mean squared error", Value: fmt.Sprintf("%.4g", math.Sqrt(sum/float64(s.rows*s.size))), Unit: "units of the rows",
		Meaning: fmt.Sprintf("Of a value's reconstruction through the hard code, over %d rows.", s.rows),
	}
}

// columnNames returns the names of a set's columns, their numbers from 0 where the file has none.
func columnNames(set *dataset.Set) []string {
	names := make([]string, set.RowSize())
	for i := range names {
		names[i] = fmt.Sprintf("column %d", i)
		if len(set.Columns) == len(names) {
			names[i] = visible.Name(set.Columns[i])
		}
	}
	return names
}

// mostTelling returns the bits with the most entropy, without those that repeat another.
func mostTelling(bits []report.Bit) (best []int) {
	for i, b := range bits {
		if b.Entropy > 0 && b.Like < 0 {
			best = append(best, i)
		}
	}
	slices.SortStableFunc(best, func(i, j int) int { return cmp.Compare(bits[j].Entropy, bits[i].Entropy) })
	best = best[:min(shownBits, len(best))]
	slices.Sort(best)
	return best
}

func (s *columnSums) add(rows, decoded []float32, packed []byte) {
	for i := range len(rows) / s.size {
		row, back, code := rows[i*s.size:][:s.size], decoded[i*s.size:][:s.size], packed[i*s.codeSize:][:s.codeSize]
		for c, x := range row {
			v, apart := float64(x), float64(x)-float64(back[c])
			s.sum[c] += v
			s.square[c] += v * v
			s.left[c] += apart * apart
		}
		for j, bit := range s.bits {
			if code[bit/8]&(0x80>>(bit%8)) == 0 {
				continue
			}
			s.set[j]++
			for c, x := range row {
				s.ones[j][c] += float64(x)
			}
		}
		s.rows++
	}
}

func (s *columnSums) mean(c int) float64 { return s.sum[c] / float64(s.rows) }

// variance is that of a column; 0 where it is within rounding of a constant.
func (s *columnSums) variance(c int) float64 {
	m := s.mean(c)
	v := s.square[c]/float64(s.rows) - m*m
	if v <= 1e-12*max(1, m*m) {
		return 0
	}
	return v
}

// mostVaried returns the columns that vary most, in their order in the row.
func (s *columnSums) mostVaried() []int {
	all := make([]int, s.size)
	for c := range all {
		all[c] = c
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(s.variance(b), s.variance(a)) })
	all = all[:min(shownColumns, len(all))]
	slices.Sort(all)
	return all
}

func (s *columnSums) columns(names []string) (out []report.Column) {
	for _, c := range s.mostVaried() {
		v := s.variance(c)
		column := report.Column{Name: names[c], Mean: s.mean(c), Deviation: math.Sqrt(v), Kept: math.NaN()}
		if v > 0 {
			column.Kept = 1 - s.left[c]/float64(s.rows)/v
		}
		out = append(out, column)
	}
	return out
}

// bitColumns returns, for each bit that is shown, the columns whose means differ most between rows with the bit and rows
// without.
func (s *columnSums) bitColumns(names []string) (out []report.BitColumns) {
	for j, bit := range s.bits {
		n, without := float64(s.set[j]), float64(s.rows-s.set[j])
		if n == 0 || without == 0 {
			continue
		}
		apart := func(c int) float64 { return s.ones[j][c]/n - (s.sum[c]-s.ones[j][c])/without }
		opposite := func(c int) float64 { return -apart(c) }
		out = append(out, report.BitColumns{
			Bit: bit, Share: n / float64(s.rows), More: s.most(names, apart, apart), Less: s.most(names, opposite, apart),
		})
	}
	return out
}

// most returns the columns with the largest positive rank, with their values.
func (s *columnSums) most(names []string, rank, value func(c int) float64) (out []report.Value) {
	best := make([]int, 0, shownTop+1)
	for c := range s.size {
		x := rank(c)
		if !(x > s.least) || len(best) == shownTop && x <= rank(best[shownTop-1]) {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, x, func(b int, x float64) int { return cmp.Compare(x, rank(b)) })
		best = slices.Insert(best, at, c)
		best = best[:min(len(best), shownTop)]
	}
	for _, c := range best {
		out = append(out, report.Value{Name: names[c], Value: value(c)})
	}
	return out
}

// profile is one row with its reconstruction: drawn over the columns that vary most, and by its largest values.
func (s *columnSums) profile(names []string, shown []int, i int, row, decoded []float32) report.Profile {
	p := report.Profile{Name: fmt.Sprintf("row %d", i)}
	for _, c := range shown {
		p.Columns = append(p.Columns, names[c])
		p.Row, p.Reconstruction = append(p.Row, float64(row[c])), append(p.Reconstruction, float64(decoded[c]))
	}
	above := func(values []float32) func(c int) float64 {
		return func(c int) float64 { return float64(values[c]) - s.mean(c) }
	}
	of := func(values []float32) func(c int) float64 { return func(c int) float64 { return float64(values[c]) } }
	p.Most, p.MostDecoded = s.most(names, above(row), of(row)), s.most(names, above(decoded), of(decoded))
	return p
}

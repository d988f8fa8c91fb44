// Package projection fits linear maps to rows, so that the signs of what they give are bits, and linear maps back by least squares.
//
// A [Map] of d values to k bits is fitted to [Data] by one of its methods, of a file each: [Data.Hyperplanes] at random, [Data.PCA] by the
// variance, [Data.ITQ] by the variance and a rotation. Nothing is trained by steps: the same rows and the same random numbers give the
// same map. All sums are float64's.
package projection

import (
	"context"
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/noise"
	"gonum.org/v1/gonum/mat"
)

// Rows are what a map is fitted to: Count rows of Width numbers, one after the other.
type Rows struct {
	Count, Width int
	Values       []float32
}

// Row returns row i.
func (r Rows) Row(i int) []float32 { return r.Values[i*r.Width:][:r.Width] }

// A Map gives, of a row x, the numbers x·Weight + Bias. Bit i is 1 where number i is above 0.
type Map struct {
	In, Out int
	Weight  []float64 // [In, Out], row after row
	Bias    []float64 // [Out]
}

// Normal draws standard normal numbers: the same ones for the same step.
type Normal func(dst []float64, step int)

// Seeded returns the numbers of a seed.
func Seeded(seed uint64) Normal {
	return func(dst []float64, step int) {
		noise.Stream{Seed: seed, Purpose: noise.Named("projection")}.Normal(dst, uint32(step), 0)
	}
}

// MostRows is to how many rows a map is fitted, and mostNumbers to how many numbers in all: more cost time and change little.
const (
	MostRows    = 10_000
	mostNumbers = 1 << 24
)

// Taken returns which of n rows of a width those are: all of them, or as many as that, evenly.
func Taken(n, width int) []int { return Evenly(n, MostRowsOf(width)) }

// MostRowsOf is to how many rows of a width maps are fitted.
func MostRowsOf(width int) int { return min(MostRows, max(1000, mostNumbers/max(width, 1))) }

// Evenly returns which of n rows are taken where at most so many are: all of them, or as many, evenly.
func Evenly(n, most int) []int {
	rows := make([]int, min(n, most))
	for i := range rows {
		rows[i] = i * n / len(rows)
	}
	return rows
}

// Data are rows to which maps are fitted. They are for one goroutine at a time: what several maps need is computed once.
type Data struct {
	rows   Rows
	normal Normal

	mean       []float64
	x          *mat.Dense // the rows less their mean
	directions *mat.Dense // of [Data.components]
}

// NewData returns rows to fit maps to, at least two.
func NewData(rows Rows, normal Normal) (*Data, error) {
	if err := check(rows); err != nil {
		return nil, fmt.Errorf("projection: %w", err)
	}
	mean := rows.means()
	return &Data{rows: rows, normal: normal, mean: mean, x: rows.centred(mean)}, nil
}

// A Fit fits a map of a row's values to bits. The methods of Data are such, as method expressions.
type Fit func(d *Data, ctx context.Context, bits int) (Map, error)

// check reports rows that nothing can be fitted to.
func check(rows Rows) error {
	if rows.Count < 2 || rows.Width < 1 || len(rows.Values) != rows.Count*rows.Width {
		return fmt.Errorf("%d rows of %d values, %d numbers in all: a map is fitted to two rows or more", rows.Count, rows.Width, len(rows.Values))
	}
	return nil
}

// means returns the mean of each value.
func (r Rows) means() []float64 {
	mean := make([]float64, r.Width)
	for i := range r.Count {
		for j, x := range r.Row(i) {
			mean[j] += float64(x)
		}
	}
	for j := range mean {
		mean[j] /= float64(r.Count)
	}
	return mean
}

// centred returns the rows less their mean, as a matrix [Count, Width].
func (r Rows) centred(mean []float64) *mat.Dense {
	data := make([]float64, len(r.Values))
	for i := range r.Count {
		for j, x := range r.Row(i) {
			data[i*r.Width+j] = float64(x) - mean[j]
		}
	}
	return mat.NewDense(r.Count, r.Width, data)
}

// through returns the map of weights [in, out] whose hyperplanes go through the mean: Bias = -mean·Weight.
func through(weight *mat.Dense, mean []float64) Map {
	in, out := weight.Dims()
	m := Map{In: in, Out: out, Weight: make([]float64, 0, in*out), Bias: make([]float64, out)}
	for i := range in {
		row := weight.RawRowView(i)
		m.Weight = append(m.Weight, row...)
		for j, w := range row {
			m.Bias[j] -= mean[i] * w
		}
	}
	return m
}

// Scaled returns the map with its numbers multiplied by a factor, so that they have the given root mean square over rows. Bits stay as
// they are. A map that gives 0 for all rows stays.
func (m Map) Scaled(rows Rows, rms float64) Map {
	sum := 0.0
	var y []float64
	for i := range rows.Count {
		y = m.Apply(y[:0], rows.Row(i))
		for _, v := range y {
			sum += v * v
		}
	}
	if sum == 0 {
		return m
	}
	return m.times(rms / math.Sqrt(sum/float64(rows.Count*m.Out)))
}

func (m Map) times(factor float64) Map {
	scaled := Map{In: m.In, Out: m.Out, Weight: make([]float64, len(m.Weight)), Bias: make([]float64, len(m.Bias))}
	for i, w := range m.Weight {
		scaled.Weight[i] = w * factor
	}
	for i, b := range m.Bias {
		scaled.Bias[i] = b * factor
	}
	return scaled
}

// Apply appends what the map gives of a row.
func (m Map) Apply(dst []float64, row []float32) []float64 {
	at := len(dst)
	dst = append(dst, m.Bias...)
	y := dst[at:]
	for i, x := range row {
		if x == 0 {
			continue
		}
		for j, w := range m.Weight[i*m.Out:][:m.Out] {
			y[j] += float64(x) * w
		}
	}
	return dst
}

package retrieval

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// The metrics of [Floats].
const (
	Cosine    = "cosine"    // the angle: rows are brought to the length 1 first, those of length 0 stay
	Euclidean = "euclidean" // ‖a-b‖
)

// Metrics returns their names.
func Metrics() []string { return []string{Cosine, Euclidean} }

// Floats is the space of rows of real numbers. Distances are computed in float32, as products: with d numbers a row they are off by some
// √d roundings, so that rows whose distances agree to six digits may change places.
type Floats struct {
	metric string
	rows   int
	width  int
	values []float32
	half   []float32 // ‖row‖²/2, of the Euclidean metric
}

var _ Space = (*Floats)(nil)

// NewFloats returns the space of rows of a width, one after the other, under a metric. It takes the slice over.
func NewFloats(values []float32, width int, metric string) (*Floats, error) {
	if width < 1 || len(values)%width != 0 {
		return nil, fmt.Errorf("retrieval: %d numbers are no rows of %d", len(values), width)
	}
	f := &Floats{metric: metric, rows: len(values) / width, width: width, values: values}
	switch metric {
	case Cosine:
		for i := range f.rows {
			row := values[i*width:][:width]
			if length := math.Sqrt(squares(row)); length > 0 {
				for j, x := range row {
					row[j] = float32(float64(x) / length)
				}
			}
		}
	case Euclidean:
		f.half = make([]float32, f.rows)
		for i := range f.half {
			f.half[i] = float32(squares(values[i*width:][:width]) / 2)
		}
	default:
		return nil, fmt.Errorf("retrieval: the metric %q: use %s or %s", metric, Cosine, Euclidean)
	}
	return f, nil
}

func squares(row []float32) (sum float64) {
	for _, x := range row {
		sum += float64(x) * float64(x)
	}
	return sum
}

// Metric returns the name of the metric.
func (f *Floats) Metric() string { return f.metric }

// Len implements [Space].
func (f *Floats) Len() int { return f.rows }

// The tile of a product that gonum takes on the goroutine that asks, as in internal/onnxeval.
const (
	tileInner = 64
	tileRows  = 192
)

// Keys implements [Space]. With x the query and y the row, a key orders -x·y of unit rows, or ‖y‖²/2 - x·y: half of ‖x-y‖² without what
// is the same for all rows.
func (f *Floats) Keys(dst []uint32, queries []int) int {
	n, d := f.rows, f.width
	block, products := make([]float32, len(queries)*d), make([]float32, len(queries)*n)
	for i, q := range queries {
		copy(block[i*d:][:d], f.values[q*d:][:d])
	}
	var g gonum.Implementation
	for from := 0; from < n; from += tileRows {
		rows := min(tileRows, n-from)
		for at := 0; at < d; at += tileInner {
			g.Sgemm(blas.NoTrans, blas.Trans, len(queries), rows, min(tileInner, d-at), 1, block[at:], d, f.values[from*d+at:], d, 1, products[from:], n)
		}
	}
	for i := range queries {
		for j, p := range products[i*n:][:n] {
			key := -p
			if f.half != nil {
				key += f.half[j]
			}
			dst[i*n+j] = ordered(key)
		}
	}
	return 32
}

// ordered maps float32 to whole numbers in the same order; -0 and 0 to one number.
func ordered(x float32) uint32 {
	u := math.Float32bits(x + 0)
	if u>>31 != 0 {
		return ^u
	}
	return u | 1<<31
}

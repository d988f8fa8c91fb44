package dist

import (
	"math"
	"sync"
)

// vonMisesFisher is the likelihood of the direction of a row of d real values: a von Mises-Fisher distribution on the unit sphere,
// around the direction of the decoder's outputs, of a fixed concentration κ. It makes the cosine between a row and its
// reconstruction as large as can be.
//
//	ln p = κ cos(x,o) + ln C_d(κ),   C_d(κ) = κ^(d/2-1) / ((2π)^(d/2) I_(d/2-1)(κ)),   outputs o_i, one a value
//
// Banerjee et al. 2005 (JMLR 6), equation 2.2; Davidson et al. 1804.00891, section 3. I is the modified Bessel function of the first
// kind. κ is d where nobody sets it. Rows need not have length 1: only their directions count, and a row of zeros, which has none,
// has the cosine 0. The reconstruction is of length 1.
type vonMisesFisher struct {
	concentration float64 // 0 for as many as a row has values
	*constants
}

// constants keeps the constants by the width of a row: each is a long sum.
type constants struct {
	sync.Mutex
	of map[int]float64
}

func newVonMisesFisher(concentration float64) vonMisesFisher {
	return vonMisesFisher{concentration, &constants{of: map[int]float64{}}}
}

func (vonMisesFisher) Doc() string {
	return "the direction of a row has a von Mises-Fisher distribution around that of the decoder's outputs: the cosine counts, lengths do not"
}

func (vonMisesFisher) Values() Values     { return Raw() }
func (vonMisesFisher) Standardises() bool { return false }
func (vonMisesFisher) Outputs() int       { return 1 }
func (vonMisesFisher) Predicted() int     { return 1 }

func (vonMisesFisher) SampleDoc() string {
	return "Rows of finite numbers, of which the direction counts."
}
func (vonMisesFisher) MeanDoc() string    { return "Mean direction, of length 1." }
func (vonMisesFisher) OutputsDoc() string { return "That direction, of any length." }

// The squares that are added to those of rows and outputs before the root is taken, so that zeros have a direction, and a gradient
// that is no infinity.
const (
	RowSquare    = 1e-24
	OutputSquare = 1e-6
)

// Concentration returns κ for rows of a width.
func (l vonMisesFisher) Concentration(width int) float64 {
	if l.concentration == 0 {
		return float64(width)
	}
	return l.concentration
}

func (l vonMisesFisher) LogP(x, outputs []float32) float64 {
	product, rows, directions := 0.0, RowSquare, OutputSquare
	for i, v := range x {
		a, b := float64(v), float64(outputs[i])
		product, rows, directions = product+a*b, rows+a*a, directions+b*b
	}
	return l.Concentration(len(x))*product/math.Sqrt(rows*directions) + l.constant(len(x))
}

func (l vonMisesFisher) Mean(dst, outputs []float32) {
	square := OutputSquare
	for _, v := range outputs {
		square += float64(v) * float64(v)
	}
	for i, v := range outputs {
		dst[i] = float32(float64(v) / math.Sqrt(square))
	}
}

// Scale is the length of the row.
func (vonMisesFisher) Scale(x []float32) float32 {
	square := 0.0
	for _, v := range x {
		square += float64(v) * float64(v)
	}
	return float32(math.Sqrt(square))
}

// constant is [LogVonMisesFisher] of a width, computed once.
func (l vonMisesFisher) constant(width int) float64 {
	l.Lock()
	defer l.Unlock()
	c, ok := l.of[width]
	if !ok {
		c = LogVonMisesFisher(width, l.Concentration(width))
		l.of[width] = c
	}
	return c
}

// maxConcentration bounds κ, and so how many terms a constant takes.
const maxConcentration = 1e6

// LogVonMisesFisher returns ln C_d(κ), the logarithm of the constant of the von Mises-Fisher distribution in d dimensions, for κ above 0:
//
//	ln C_d(κ) = (d/2-1) ln κ - (d/2) ln 2π - ln I_(d/2-1)(κ)
func LogVonMisesFisher(d int, κ float64) float64 {
	v := float64(d)/2 - 1
	return v*math.Log(κ) - (v+1)*math.Log(2*math.Pi) - logBessel(v, κ)
}

// logBessel returns ln I_v(x) for v from -1/2 and x above 0, by the power series (DLMF 10.25.2)
//
//	I_v(x) = Σ (x/2)^(2m+v) / (m! Γ(m+v+1))
//
// whose terms are all positive, so that nothing cancels. Its logarithms are summed from the largest, at m(m+v) = x²/4, to both
// sides until they vanish: some √x terms.
func logBessel(v, x float64) float64 {
	half := math.Log(x / 2)
	term := func(m float64) float64 {
		a, _ := math.Lgamma(m + 1)
		b, _ := math.Lgamma(m + v + 1)
		return (2*m+v)*half - a - b
	}
	top := math.Floor(max(0, (math.Sqrt(v*v+x*x)-v)/2))
	most, sum := term(top), 1.0
	ratio := func(m float64) float64 { return x * x / 4 / (m * (m + v)) } // of the term m to the one before it
	for m, t := top+1, 1.0; t > 1e-18; m++ {
		t *= ratio(m)
		sum += t
	}
	for m, t := top, 1.0; m > 0 && t > 1e-18; m-- {
		t /= ratio(m)
		sum += t
	}
	return most + math.Log(sum)
}

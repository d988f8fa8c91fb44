package additive

import (
	"context"
	"math"

	"github.com/catvae/catvae/internal/cores"
	"golang.org/x/sync/errgroup"
)

// blockRows is how many rows are searched together: their numbers stay in a core's cache.
const blockRows = 64

// Encode returns the code of each row, Variables categories, and for each variable and category the score that decides it given the final
// choice of the others: minus the cost, up to a number that depends on the row and the variable. The chosen category's is raised to 1 above
// the largest of its variable, so that the arg-max is the code.
func (c Codebooks) Encode(ctx context.Context, rows []float32, s Search) (codes []int, scores []float32, err error) {
	if err := c.Check(); err != nil {
		return nil, nil, err
	}
	scores = make([]float32, len(rows)/c.Width*c.Variables*c.Categories)
	codes, err = c.search(ctx, rows, s, scores)
	return codes, scores, err
}

// search returns codes, and writes their scores unless scores is nil.
func (c Codebooks) search(ctx context.Context, rows []float32, s Search, scores []float32) ([]int, error) {
	n := len(rows) / c.Width
	codes := make([]int, n*c.Variables)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cores.Count())
	half := halfSquares(c.Words, c.Width)
	for from := 0; from < n; from += blockRows {
		group.Go(func() error {
			to := min(n, from+blockRows)
			b := &block{Codebooks: c, Search: s, half: half, n: to - from, x: rows[from*c.Width : to*c.Width], codes: codes[from*c.Variables : to*c.Variables]}
			b.beam()
			for range s.Sweeps {
				for v := range c.Variables {
					b.choose(v)
				}
			}
			if scores != nil {
				b.scores(scores[from*c.Variables*c.Categories:])
			}
			return ctx.Err()
		})
	}
	return codes, group.Wait()
}

// A block is some rows while their codes are searched.
type block struct {
	Codebooks
	Search
	half  []float32 // ½‖w‖² of all words
	n     int
	x     []float32 // [n, Width]
	codes []int     // [n, Variables]

	y       []float32 // decoded rows
	table   []float32 // inner products of x with all words, [n, Variables·Categories]
	without []float32 // [n, Width]: y without a variable's word
	found   []float32 // [n, Categories]
}

// A partial is an unfinished code in the beam.
type partial struct {
	parent, category int
	score            float32 // minus half the squared norm of what is left
}

// beam searches codes codebook after codebook. Of equal ones the first is better, as in ONNX's TopK.
func (b *block) beam() {
	type stage []partial // [n, kept]
	stages := make([]stage, b.Variables)
	kept := 1
	left := make([]float32, len(b.x)) // [n, kept, Width]
	score := make([]float32, b.n)
	for i := range b.n {
		r := left[i*b.Width:][:b.Width]
		copy(r, b.x[i*b.Width:])
		sub(r, b.Bias)
		score[i] = -dot(r, r) / 2
	}
	for v := range b.Variables {
		found := make([]float32, b.n*kept*b.Categories)
		products(found, left, b.book(v), b.Width)
		for i := range b.n * kept {
			for k := range b.Categories {
				found[i*b.Categories+k] += score[i] - b.half[v*b.Categories+k]
			}
		}
		next := min(b.Beam, kept*b.Categories)
		stages[v] = make(stage, 0, b.n*next)
		nextLeft, nextScore := make([]float32, 0, b.n*next*b.Width), make([]float32, 0, b.n*next)
		for i := range b.n {
			best := largest(found[i*kept*b.Categories:][:kept*b.Categories], next)
			for _, at := range best {
				p := partial{at / b.Categories, at % b.Categories, found[i*kept*b.Categories+at]}
				stages[v] = append(stages[v], p)
				nextScore = append(nextScore, p.score)
				nextLeft = append(nextLeft, left[(i*kept+p.parent)*b.Width:][:b.Width]...)
				sub(nextLeft[len(nextLeft)-b.Width:], b.word(v, p.category))
			}
		}
		left, score, kept = nextLeft, nextScore, next
	}
	b.y = make([]float32, len(b.x))
	for i := range b.n {
		pos := b.finish(i, left[i*kept*b.Width:][:kept*b.Width], score[i*kept:][:kept])
		y := b.y[i*b.Width:][:b.Width]
		copy(y, b.x[i*b.Width:])
		sub(y, left[(i*kept+pos)*b.Width:][:b.Width])
		for v := b.Variables - 1; v >= 0; v-- {
			p := stages[v][i*(len(stages[v])/b.n)+pos]
			b.codes[i*b.Variables+v], pos = p.category, p.parent
		}
	}
}

// finish returns which of a row's whole codes costs least.
func (b *block) finish(row int, left, score []float32) (best int) {
	if b.NormWeight == 0 {
		return 0
	}
	least := float32(math.Inf(1))
	for m := range score {
		norm := float32(0)
		for j, r := range left[m*b.Width:][:b.Width] {
			y := b.x[row*b.Width+j] - r
			norm += y * y
		}
		if cost := float32(normCost(float64(norm), b.Norm, b.NormWeight)) - score[m]; cost < least {
			least, best = cost, m
		}
	}
	return best
}

// normCost is ½ λ (√square - ν)².
func normCost(square float64, norm float32, weight float64) float64 {
	gap := math.Sqrt(max(square, 0)) - float64(norm)
	return weight / 2 * gap * gap
}

// score writes to b.found what each category of variable v scores, given the others: with s the decoded row without the variable's word,
// and q = ⟨s, w⟩ + ½‖w‖²,
//
//	⟨x, w⟩ - (1+λ) q + λ ν √(‖s‖² + 2q)
//
// which is minus the cost, up to a number of the row. b.without becomes s.
func (b *block) score(v int) {
	if b.table == nil {
		b.table = make([]float32, b.n*b.Variables*b.Categories)
		products(b.table, b.x, b.Words, b.Width)
		b.without, b.found = make([]float32, len(b.y)), make([]float32, b.n*b.Categories)
	}
	copy(b.without, b.y)
	for i := range b.n {
		sub(b.without[i*b.Width:][:b.Width], b.word(v, b.codes[i*b.Variables+v]))
	}
	products(b.found, b.without, b.book(v), b.Width)
	lambda := float32(b.NormWeight)
	half := b.half[v*b.Categories:][:b.Categories]
	for i := range b.n {
		found := b.found[i*b.Categories:][:b.Categories]
		table := b.table[(i*b.Variables+v)*b.Categories:][:b.Categories]
		s := b.without[i*b.Width:][:b.Width]
		square := dot(s, s)
		for k, p := range found {
			q := p + half[k]
			found[k] = table[k] - (1+lambda)*q
			if lambda > 0 {
				found[k] += lambda * b.Norm * float32(math.Sqrt(float64(max(square+2*q, 0))))
			}
		}
	}
}

// choose sets variable v of each row to the category that scores most, given the others. The word that is there stays where none is better.
func (b *block) choose(v int) {
	b.score(v)
	for i := range b.n {
		k := largest(b.found[i*b.Categories:][:b.Categories], 1)[0]
		b.codes[i*b.Variables+v] = k
		y := b.y[i*b.Width:][:b.Width]
		copy(y, b.without[i*b.Width:])
		add(y, b.word(v, k))
	}
}

// scores writes the scores of all variables given the final code, [n, Variables, Categories]. The chosen one is raised to 1 above the largest,
// whichever that is, so that the arg-max is the code.
func (b *block) scores(dst []float32) {
	for v := range b.Variables {
		b.score(v)
		for i := range b.n {
			to := dst[(i*b.Variables+v)*b.Categories:][:b.Categories]
			copy(to, b.found[i*b.Categories:])
			to[b.codes[i*b.Variables+v]] = to[largest(to, 1)[0]] + 1
		}
	}
}

// largest returns the places of the n largest numbers, the largest first; of equal ones the first.
func largest(x []float32, n int) []int {
	best := make([]int, 0, n)
	for i, v := range x {
		if len(best) == n && !(v > x[best[n-1]]) {
			continue
		}
		if len(best) < n {
			best = append(best, i)
		}
		at := len(best) - 1
		for ; at > 0 && v > x[best[at-1]]; at-- {
			best[at] = best[at-1]
		}
		best[at] = i
	}
	return best
}

package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/projection"
)

// Near rows for objective.similarity: a step's batch is made of rows in random order, each with rows that are near it by the cosine. They are
// found once, before the first step, from the rows alone: by the bits of ITQ first, then by the cosines of those that they find.

const (
	// nearList is how many near rows of each are kept, of which a step draws.
	nearList = 20

	// nearBits is how many bits find candidates, and nearCandidates how many of those have their cosine computed.
	nearBits       = 128
	nearCandidates = 160

	// nearAmong is among how many rows near ones are looked for: time grows with it times the number of rows.
	nearAmong = 1 << 17

	// nearAtOnce is how many rows are searched for at once, which bounds the memory for candidates.
	nearAtOnce = 1024
)

// Purposes of what is drawn.
var (
	nearAmongPurpose = noise.Named("similarity/among")
	nearPurpose      = noise.Named("similarity/near")
)

// similar is the part of a configuration that near rows are for, and whether there is any.
func (c Config) similar() (builder.Similarity, bool) {
	s := c.Objective.Similarity
	return s.Canonical(), s.Weight > 0
}

// checkSimilarityOf reports a batch, or a training set, that has no room for the near rows.
func (c Config) checkSimilarityOf(training int) error {
	s, any := c.similar()
	switch {
	case !any:
		return nil
	case c.Batch < 2*(s.Near+1):
		return fmt.Errorf("train: objective.similarity.near is %d, and batch %d: a step has no two rows with %d near ones each: set batch to %d or more: %w", s.Near, c.Batch, s.Near, 2*(s.Near+1), ErrConfig)
	case s.Near >= training:
		return fmt.Errorf("train: objective.similarity.near is %d of %d training rows: use fewer: %w", s.Near, training, ErrConfig)
	}
	return nil
}

// findNear finds the near rows of all training rows, where the objective wants them.
func (r *run) findNear(ctx context.Context) (neighbours, error) {
	s, any := r.config.similar()
	if !any {
		return neighbours{}, nil
	}
	rows := nearRows{count: r.training.Len(), width: r.training.RowSize(), row: r.training.Row, keep: min(max(nearList, s.Near), r.training.Len()-1)}
	return rows.find(ctx, r.config.Seed, func(done int) {
		r.options.Progress(Progress{Phase: "near rows", Done: done, Total: rows.count})
	})
}

// nearRows are rows, of which each gets those near it.
type nearRows struct {
	count, width int
	row          func(i int, dst []float32)
	keep         int
}

// find returns the rows near each: of up to nearCandidates that the bits find, those of the largest cosine, the nearest first.
func (n nearRows) find(ctx context.Context, seed uint64, progress func(done int)) (neighbours, error) {
	fit := projection.Rows{Width: n.width}
	for _, i := range projection.Taken(n.count, n.width) {
		fit.Values = append(fit.Values, n.unit(i, make([]float32, n.width))...)
		fit.Count++
	}
	data, err := projection.NewData(fit, projection.Seeded(seed))
	if err != nil {
		return neighbours{}, fmt.Errorf("train: near rows: %w", err)
	}
	bits := min(nearBits, 4*n.width)
	to, err := data.ITQ(ctx, bits)
	if err != nil {
		return neighbours{}, fmt.Errorf("train: near rows: %w", err)
	}
	packed, err := n.codes(ctx, to)
	if err != nil {
		return neighbours{}, err
	}
	among := noise.Stream{Seed: seed, Purpose: nearAmongPurpose}.Permutation(n.count, 0)
	among = among[:min(nearAmong, n.count)]
	index, err := codes.NewIndex(bits)
	if err != nil {
		return neighbours{}, fmt.Errorf("train: near rows: %w", err)
	}
	size := codes.Bytes(bits)
	for _, i := range among {
		if err := index.Add(packed[i*size:][:size]); err != nil {
			return neighbours{}, fmt.Errorf("train: near rows: %w", err)
		}
	}
	found := neighbours{n.keep, make([]int32, n.count*n.keep)}
	for from := 0; from < n.count; from += nearAtOnce {
		some := min(nearAtOnce, n.count-from)
		matches, err := index.Search(ctx, packed[from*size:(from+some)*size], max(nearCandidates, n.keep)+1)
		if err != nil {
			return neighbours{}, fmt.Errorf("train: near rows: %w", err)
		}
		err = eachRow(ctx, some, func() func(i int) {
			own, other := make([]float32, n.width), make([]float32, n.width)
			return func(i int) { n.nearest(from+i, matches[i], among, own, other, found.rows[(from+i)*n.keep:][:n.keep]) }
		})
		if err != nil {
			return neighbours{}, err
		}
		progress(from + some)
	}
	return found, nil
}

// unit writes a row, brought to the length 1. A row of zeros, or one whose length is no number, stays.
func (n nearRows) unit(i int, dst []float32) []float32 {
	n.row(i, dst)
	sum := 0.0
	for _, x := range dst {
		sum += float64(x) * float64(x)
	}
	if length := math.Sqrt(sum); length > 0 && !math.IsInf(length, 0) {
		for j, x := range dst {
			dst[j] = float32(float64(x) / length)
		}
	}
	return dst
}

// codes returns the packed codes of all rows.
func (n nearRows) codes(ctx context.Context, m projection.Map) ([]byte, error) {
	size := codes.Bytes(m.Out)
	packed := make([]byte, n.count*size)
	weight := make([]float32, len(m.Weight))
	for i, w := range m.Weight {
		weight[i] = float32(w)
	}
	err := eachRow(ctx, n.count, func() func(i int) {
		row, y := make([]float32, n.width), make([]float32, m.Out)
		return func(i int) {
			for j, b := range m.Bias {
				y[j] = float32(b)
			}
			for k, x := range n.unit(i, row) {
				for j, w := range weight[k*m.Out:][:m.Out] {
					y[j] += x * w
				}
			}
			for j, v := range y {
				if v > 0 {
					packed[i*size+j/8] |= 0x80 >> (j % 8)
				}
			}
		}
	})
	return packed, err
}

// nearest writes the rows of the largest cosine with a row, of those that bits found among others.
func (n nearRows) nearest(row int, matches []codes.Match, among []int, own, other []float32, dst []int32) {
	type candidate struct {
		row    int32
		cosine float32
	}
	n.unit(row, own)
	list := make([]candidate, 0, len(matches))
	for _, m := range matches {
		i := among[m.Row]
		if i == row {
			continue
		}
		sum := float32(0)
		for j, x := range n.unit(i, other) {
			sum += x * own[j]
		}
		list = append(list, candidate{int32(i), sum})
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.cosine, a.cosine), cmp.Compare(a.row, b.row))
	})
	for i := range dst {
		dst[i] = list[i].row
	}
}

// eachRow calls a function for each of n rows, on all cores; each has its own memory.
func eachRow(ctx context.Context, n int, newWorker func() func(i int)) error {
	const chunk = 64
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(cores.Count(), (n+chunk-1)/chunk) {
		wait.Go(func() {
			do := newWorker()
			for ctx.Err() == nil {
				from := int(next.Add(chunk)) - chunk
				if from >= n {
					return
				}
				for i := from; i < min(from+chunk, n); i++ {
					do(i)
				}
			}
		})
	}
	wait.Wait()
	return ctx.Err()
}

// among returns the rows of an epoch's steps: the first of each step's stay, and each is followed by as many near ones, drawn from its list
// without repeats. order is the epoch's, batch the rows of a step.
func (n neighbours) among(seed uint64, epoch int, order []int, batch, near int) []int {
	if n.count == 0 {
		return order
	}
	drawn := make([]int, 0, len(order))
	places := make([]int, n.count)
	u := make([]float32, near)
	for from := 0; from+batch <= len(order); from += batch {
		for i := 0; len(drawn) < from+batch; i++ {
			row := order[from+i]
			drawn = append(drawn, row)
			for j := range places {
				places[j] = j
			}
			noise.Stream{Seed: seed, Purpose: nearPurpose}.Uniform(u, uint32(epoch), uint32(row))
			for j := 0; j < near && len(drawn) < from+batch; j++ { // the first steps of a random permutation
				k := j + min(int(u[j]*float32(n.count-j)), n.count-j-1)
				places[j], places[k] = places[k], places[j]
				drawn = append(drawn, int(n.rows[row*n.count+places[j]]))
			}
		}
	}
	return drawn
}

package train

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/train/evaluate"
)

// Neighbours say that the second view of a row is one of another row, whose code is near: of one of its count nearest among rows drawn at
// random, by the Hamming distance. They are found anew before each epoch, by the codes that the model gives then. So what is alike for the model
// becomes more so: Dwibedi et al. 2104.14548, with the codes of a set in place of a queue of embeddings. No label takes part.
type Neighbours struct {
	Count int `json:"count" doc:"the second view of a row, which objective.contrast and objective.redundancy ask for, is one of a row near it: of one of so many nearest by the codes so far; left out or 0: of the row itself" when:"5 or so with objective.contrast, where codes are for search and rows form groups" range:"[0,64]"`
	From  int `json:"from,omitempty" doc:"the first epoch of that, before which the second view is of the row itself; left out or 0: that after half of the run, and the run's config.json says which it is" when:"earlier in long runs; later where the first codes find little" range:"[0,1e6]"`
}

// minedRows is how many rows are drawn before each epoch, among which every row's neighbours are. Of 10,000 rows the 5 nearest are some 30 of 60,000,
// at a sixth of the time, and each epoch has others.
const minedRows = 10000

// Purposes of what is drawn.
var (
	minedPurpose     = noise.Named("neighbours/rows")
	neighbourPurpose = noise.Named("neighbours/one")
)

func (c Config) checkNeighbours() error {
	n, t := c.Objective.Neighbours, c.Objective.Terms
	switch {
	case n.Count > 0 && t.Contrast.Weight == 0 && t.Redundancy.Weight == 0:
		return fmt.Errorf("train: objective.neighbours.count is %d, and nothing compares views: set objective.contrast.weight, or leave it out: %w", n.Count, ErrConfig)
	case n.Count == 0 && n.From > 0:
		return fmt.Errorf("train: objective.neighbours.from is %d, and objective.neighbours.count 0: set the count, or leave both out: %w", n.From, ErrConfig)
	}
	return nil
}

// checkNeighboursOf reports more neighbours than there are other rows.
func (c Config) checkNeighboursOf(training int) error {
	if n := c.Objective.Neighbours.Count; n >= min(training, minedRows) {
		return fmt.Errorf("train: objective.neighbours.count is %d of %d training rows: use fewer neighbours: %w", n, training, ErrConfig)
	}
	return nil
}

// neighbours are rows near each row of the training set, count of each. The zero value has none.
type neighbours struct {
	count int
	rows  []int32 // [rows, count]
}

// drawn returns which rows are seen in place of a step's: one of the neighbours of each, or the rows themselves.
func (n neighbours) drawn(seed uint64, s stepRows) []int {
	if n.count == 0 {
		return s.rows
	}
	shown := make([]int, len(s.rows))
	u := make([]float32, 1)
	for i, row := range s.rows {
		noise.Stream{Seed: seed, Purpose: neighbourPurpose}.Uniform(u, uint32(s.step), uint32(row))
		shown[i] = int(n.rows[row*n.count+min(int(u[0]*float32(n.count)), n.count-1)])
	}
	return shown
}

// mines reports whether an epoch, from 1, has neighbours.
func (c Config) mines(epoch int) bool {
	n := c.Objective.Neighbours
	return n.Count > 0 && epoch >= n.From
}

// mine finds the neighbours of the epoch that begins, by the codes of the weights so far.
func (r *run) mine(ctx context.Context, epoch int) (neighbours, error) {
	if err := setParams(r.trained.Params, r.engine.State().Tensors); err != nil {
		return neighbours{}, fmt.Errorf("train: %w", err)
	}
	t := r.trained
	t.Thresholds = nil // on which no step depends
	model, err := t.InMemory(ctx, r.options.resting())
	if err != nil {
		return neighbours{}, err
	}
	defer model.Close()
	bits, packed := r.trained.Model.Latent.Dist().Bits(), []byte(nil)
	err = evaluate.EachCodes(ctx, model, bits, r.training, r.training.Len(), func(some []byte, from int) error {
		packed = append(packed, some...)
		r.options.Progress(Progress{Phase: "neighbours", Done: from + len(some)/codes.Bytes(bits), Total: r.training.Len(), Epoch: epoch, Epochs: r.epochs()})
		return nil
	})
	if err != nil {
		return neighbours{}, err
	}
	among := noise.Stream{Seed: r.config.Seed, Purpose: minedPurpose}.Permutation(r.training.Len(), uint32(epoch))
	return nearest(ctx, packed, bits, r.config.Objective.Neighbours.Count, among[:min(minedRows, len(among))])
}

// nearest finds the count nearest rows of each row among others, which are in random order: those that are equally near are taken in it.
func nearest(ctx context.Context, packed []byte, bits, count int, among []int) (neighbours, error) {
	x, err := codes.NewIndex(bits)
	if err != nil {
		return neighbours{}, fmt.Errorf("train: %w", err)
	}
	size := codes.Bytes(bits)
	for _, row := range among {
		if err := x.Add(packed[row*size:][:size]); err != nil {
			return neighbours{}, fmt.Errorf("train: %w", err)
		}
	}
	all := len(packed) / size
	found, err := x.Search(ctx, packed, count+1)
	if err != nil {
		return neighbours{}, fmt.Errorf("train: %w", err)
	}
	n := neighbours{count, make([]int32, 0, all*count)}
	for row, matches := range found {
		for _, m := range matches {
			if other := among[m.Row]; other != row && len(n.rows) < (row+1)*count {
				n.rows = append(n.rows, int32(other))
			}
		}
	}
	return n, nil
}

// neighboursTensor is the name of a checkpoint's tensor of the neighbours of an epoch under way: numbers of rows.
const neighboursTensor = "data/neighbours"

// tensor returns the neighbours as a checkpoint has them: none where there are none.
func (n neighbours) tensor() []onnxtensor.Tensor {
	if n.count == 0 {
		return nil
	}
	values := make([]float64, len(n.rows))
	for i, row := range n.rows {
		values[i] = float64(row)
	}
	return []onnxtensor.Tensor{{Name: neighboursTensor, Shape: []int64{int64(len(n.rows) / n.count), int64(n.count)}, Data: values}}
}

// withoutNeighbours takes the neighbours from a checkpoint's tensors.
func withoutNeighbours(tensors []onnxtensor.Tensor) (neighbours, []onnxtensor.Tensor, error) {
	t, rest, found := takeTensor(tensors, neighboursTensor)
	if !found {
		return neighbours{}, tensors, nil
	}
	values, ok := t.Data.([]float64)
	if !ok || len(t.Shape) != 2 || t.Shape[1] < 1 {
		return neighbours{}, nil, fmt.Errorf("%s is no table of rows", neighboursTensor)
	}
	n := neighbours{int(t.Shape[1]), make([]int32, len(values))}
	for i, x := range values {
		if !(x >= 0 && x < float64(t.Shape[0])) {
			return neighbours{}, nil, fmt.Errorf("%s has a row %g of %d", neighboursTensor, x, t.Shape[0])
		}
		n.rows[i] = int32(x)
	}
	return n, rest, nil
}

package train

import (
	"github.com/catvae/catvae/builder"
)

// A Batch is what one step takes.
type Batch struct {
	Rows        []float32 // batch rows, one after the other, within [0,1]
	Noise       []float32 // as many numbers as the batch's logits, uniform in the open unit interval
	Temperature float64
	KLWeight    float64
}

// Parts are the objective of one step, in nats a row, averaged over the batch.
type Parts struct {
	Loss           float64 `json:"loss"`
	Reconstruction float64 `json:"reconstruction"`
	KL             float64 `json:"kl"`
}

// An Engine takes training steps. It moves the values of the parameter set that it was made with. An engine is for one
// goroutine.
type Engine interface {
	// Name says which engine runs, for people.
	Name() string
	// Step takes one step of the optimiser and returns the objective before it.
	Step(b Batch) (Parts, error)
	// Close frees the engine. The parameter set stays.
	Close() error
}

// trainer is the training graph of one batch size with its optimiser's update: what every engine runs.
type trainer struct {
	graph   *builder.Graph
	model   builder.Training
	names   []string // of the parameters
	updates []update
}

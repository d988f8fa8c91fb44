package train

import (
	"time"

	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/catvae/catvae/train/rivals"
)

// Options say where a run reads and writes, what takes its steps, and whom it informs.
type Options struct {
	Source          string                // see dataset.Open
	Texts           *Texts                // of a source of texts; nil: it holds numbers
	Out             string                // the run folder
	MaxBad          float64               // ratio of bad rows that is passed over, from 0 to 1: see dataset.Options
	Force           bool                  // replace an existing run
	Resume          bool                  // continue the existing run; begin one where there is nothing to continue
	Backend         backend.Backend       // takes the steps of the compiled engine, evaluates and verifies
	Engine          Engine                // "" means Compiled
	StepsPerCall    int                   // of the compiled engine; 0 means what the backend's device takes best
	CheckpointEvery time.Duration         // between checkpoints inside an epoch; each epoch ends with one. 0 means a minute
	Commands        func(Result) []string // what to do next, shown in the report; may be nil
	Samples         int                   // K of the final IWAE bound; 0 means 10
	Queries         int                   // rows by which the codes are compared with rivals at the end, see package rivals; 0 for none
	HeldOutQueries  int                   // of the rows held out, which search each other at the end: a figure to choose between runs by; 0 for none
	Progress        func(Progress)        // called after every step and evaluated chunk; may be nil; must not block
	Verbose         bool                  // Log is also called with what the exporter's passes did
	Log             func(string)          // called with warnings, and with what a run continues from; may be nil
}

// Engine names what takes the steps.
type Engine string

// The engines: see package engine.
const (
	Compiled Engine = "compiled" // one ONNX graph on the backend
	Tape     Engine = "tape"     // gorgonia's tape machine
)

// Progress is where a run is.
type Progress struct {
	Phase   string // "training", "validation", "test" or "export"
	Done    int    // of Total: steps of the whole run, or rows of an evaluation
	Total   int
	Epoch   int // from 1
	Epochs  int
	Loss    float64 // average over the last steps; training only
	Message string  // a line worth keeping, such as an epoch's bounds; else ""
}

// A Result says how a run ended.
type Result struct {
	Run          string
	Engine       string
	BestEpoch    int                 // whose weights were exported; 0 where no epoch ended with them
	LostEpoch    int                 // a better one, whose weights were lost when its checkpoint was damaged; 0 where none was
	Steps        int                 // of the whole run
	ResumedAt    int                 // the step from which it continued; 0 for a new run
	Validation   evaluate.Evaluation // of the best epoch
	Test         evaluate.Evaluation // on the test split, or on the rows that were held out where the source has none
	TestSplit    string              // which rows those were
	Retrieval    *rivals.Comparison  // what the codes find of those rows; nil where it was not measured
	HeldOut      *rivals.Comparison  // the same of the rows held out, without rivals
	Hint         string              // what to change where bits of the codes that were tested are dead or duplicate
	Thresholds   string              // where the bits of codes are decided, in words; "" where all are at 0 because nobody asked
	Shape        []int               // of one row
	Warnings     []string            // about the weights, as the bundle's manifest has them: a line each
	Scale        string              // by what numbers were divided, and why; "" under the rule of older runs
	Bad          []error             // of the rows that were passed over as bad, the training split's first
	Verification writer.Verification
	Interrupted  bool
}

func (o Options) withDefaults() Options {
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Samples == 0 {
		o.Samples = 10
	}
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = time.Minute
	}
	if o.Engine == "" {
		o.Engine = Compiled
	}
	return o
}

// resting is the backend for everything except steps.
func (o Options) resting() backend.Backend { return backend.Resting(o.Backend) }

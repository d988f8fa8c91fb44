package builder

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// A Model is the architecture of a variational auto-encoder with discrete latent variables: plain data that is saved,
// compared and printed. Its methods build the parts of the model into a [Graph].
type Model struct {
	Input      []int      `json:"input"`      // shape of one row, such as [28, 28]
	Latent     Latent     `json:"latent"`     //
	Encoder    MLP        `json:"encoder"`    // from the flattened row to the logits
	Decoder    MLP        `json:"decoder"`    // from the code to the reconstruction's logits
	Activation Activation `json:"activation"` // between the layers of both
	Binarize   float64    `json:"-"`          // > 0: the encoder's graph first replaces x by 1 where x > Binarize, else 0

	// Networks that take the place of the two perceptrons, nil for none: graphs that were imported, say.
	EncoderNetwork Network `json:"-"`
	DecoderNetwork Network `json:"-"`
}

// A Network is a part of a model that comes from elsewhere. Build makes it of x [batch, width], flat rows or codes, and
// returns logits of any shape whose first dimension is the batch. It does the same at every batch size, names its parameters
// through [Graph.Parameter], and reports errors by [Graph.Fail].
type Network interface {
	Build(b *Graph, x *G.Node) *G.Node
}

// Latent says what the latent variables are.
type Latent struct {
	Kind       string `json:"kind"`                 // "bernoulli" or "categorical"
	Variables  int    `json:"variables"`            // how many
	Categories int    `json:"categories,omitempty"` // K of each categorical variable, at least 2
	Prior      string `json:"prior"`                // "uniform", or "learned": logits trained with the weights
}

// The priors.
const (
	PriorUniform = "uniform"
	PriorLearned = "learned"
)

// An MLP is the widths of a perceptron's hidden layers. Where Graph is set, a network takes its place: see
// [Model.EncoderNetwork].
type MLP struct {
	Hidden []int  `json:"hidden"`
	Graph  string `json:"graph,omitempty"`  // ONNX file that the network was imported from
	Output string `json:"output,omitempty"` // the value of that graph that is taken, "" for its result
}

// maxWidth bounds every dimension of a model, so that a typing error is an error and not a machine out of memory.
const maxWidth = 1 << 20

// maxWeights bounds a model's weights for the same reason: 2²⁸ numbers are 1 GiB in float32.
const maxWeights = 1 << 28

// Validate reports the first thing wrong with the architecture, by its configuration key.
func (m Model) Validate() error {
	if len(m.Input) == 0 {
		return fmt.Errorf("builder: input has no shape: give the shape of one row, such as [28, 28]")
	}
	checks := []struct {
		key    string
		values []int
		least  int
	}{
		{"input", m.Input, 1},
		{"encoder.hidden", m.Encoder.Hidden, 1},
		{"decoder.hidden", m.Decoder.Hidden, 1},
		{"latent.variables", []int{m.Latent.Variables}, 1},
	}
	switch m.Latent.Kind {
	case dist.Bernoulli:
		if m.Latent.Categories != 0 {
			return fmt.Errorf("builder: latent.categories is %d for Bernoulli variables: leave it out, or set latent.kind to categorical", m.Latent.Categories)
		}
	case dist.Categorical:
		checks = append(checks, struct {
			key    string
			values []int
			least  int
		}{"latent.categories", []int{m.Latent.Categories}, 2})
	default:
		return fmt.Errorf("builder: latent.kind is %q: use %q or %q", m.Latent.Kind, dist.Bernoulli, dist.Categorical)
	}
	for _, c := range checks {
		for _, v := range c.values {
			if v < c.least || v > maxWidth {
				return fmt.Errorf("builder: %s holds %d: use %d to %d", c.key, v, c.least, maxWidth)
			}
		}
	}
	if m.Latent.Prior != PriorUniform && m.Latent.Prior != PriorLearned {
		return fmt.Errorf("builder: latent.prior is %q: use %q or %q", m.Latent.Prior, PriorUniform, PriorLearned)
	}
	if _, err := sizeOf(m.Input); err != nil { // whose product may overflow
		return fmt.Errorf("builder: input has %w", err)
	}
	if m.Width() > maxWidth || m.Bits() > maxWidth {
		return fmt.Errorf("builder: rows of %d values and codes of %d bits: neither may pass %d", m.Width(), m.Bits(), maxWidth)
	}
	if n := m.weights(); n > maxWeights && m.EncoderNetwork == nil && m.DecoderNetwork == nil {
		return fmt.Errorf("builder: the layers have %d weights, they may have %d: make encoder.hidden or decoder.hidden smaller", n, maxWeights)
	}
	return m.Activation.Validate()
}

// weights returns the number of weights of all linear layers.
func (m Model) weights() int {
	n, widths := 0, slices.Concat([]int{m.Width()}, m.Encoder.Hidden, []int{m.Bits()}, m.Decoder.Hidden, []int{m.Width()})
	for i, w := range widths[1:] {
		n += widths[i] * w
	}
	return n
}

// Width returns the number of values in a row.
func (m Model) Width() int {
	n := 1
	for _, d := range m.Input {
		n *= d
	}
	return n
}

// Bits returns the number of bits in a code: the variables, times the categories where there are any.
func (m Model) Bits() int {
	if m.Latent.Kind == dist.Categorical {
		return m.Latent.Variables * m.Latent.Categories
	}
	return m.Latent.Variables
}

// LatentShape returns the shape of logits, noise and code for a batch: [batch, variables] or
// [batch, variables, categories].
func (m Model) LatentShape(batch int) []int {
	if m.Latent.Kind == dist.Categorical {
		return []int{batch, m.Latent.Variables, m.Latent.Categories}
	}
	return []int{batch, m.Latent.Variables}
}

// InputShape returns the shape of a batch of rows.
func (m Model) InputShape(batch int) []int { return append([]int{batch}, m.Input...) }

// MaxKL returns the largest divergence that a uniform prior allows, in nats a row: N ln 2, or N ln K.
func (m Model) MaxKL() float64 {
	if m.Latent.Kind == dist.Categorical {
		return float64(m.Latent.Variables) * math.Log(float64(m.Latent.Categories))
	}
	return float64(m.Latent.Variables) * math.Ln2
}

// Encode returns the latent logits of a batch of rows. x has [Model.InputShape], the result [Model.LatentShape].
func (m Model) Encode(b *Graph, x *G.Node) *G.Node {
	return b.In("encoder", func() *G.Node {
		if b.err != nil {
			return nil
		}
		batch := b.batch(x)
		flat := b.Reshape(x, batch, m.Width())
		if m.Binarize > 0 {
			flat = b.Greater(flat, b.Number(m.Binarize))
		}
		return b.Reshape(b.network(m.EncoderNetwork, m.Encoder, flat, m.Activation, m.Bits()), m.LatentShape(batch)...)
	})
}

// Decode returns the reconstruction's logits, of [Model.InputShape], for codes of [Model.LatentShape], relaxed or hard.
func (m Model) Decode(b *Graph, code *G.Node) *G.Node {
	return b.In("decoder", func() *G.Node {
		if b.err != nil {
			return nil
		}
		batch := b.batch(code)
		flat := b.Reshape(code, batch, m.Bits())
		return b.Reshape(b.network(m.DecoderNetwork, m.Decoder, flat, m.Activation, m.Width()), m.InputShape(batch)...)
	})
}

// network returns out logits for each row of x [batch, width]: those of a network where there is one, else of a perceptron.
func (b *Graph) network(n Network, p MLP, x *G.Node, a Activation, out int) *G.Node {
	if n == nil {
		if p.Graph != "" {
			return b.fail("its graph %s was not imported", p.Graph)
		}
		return b.MLP(x, p.Hidden, a, out)
	}
	if b.err != nil {
		return nil
	}
	y := n.Build(b, x)
	if b.err == nil && (y == nil || y.Dims() == 0 || y.Shape()[0] != x.Shape()[0] || y.Shape().TotalSize() != x.Shape()[0]*out) {
		return b.fail("the network gives %v for rows of %d numbers, the model wants %d numbers a row", shapes(G.Nodes{y}), x.Shape()[1], out)
	}
	return y
}

// batch returns the first dimension of x.
func (b *Graph) batch(x *G.Node) int {
	if x == nil || x.Dims() == 0 {
		b.fail("the model takes a batch of rows, not %v", shapes(G.Nodes{x}))
		return 0
	}
	return x.Shape()[0]
}

// Relax returns the relaxed sample for logits and noise u of one shape and a scalar temperature.
func (m Model) Relax(b *Graph, logits, u, tau *G.Node) *G.Node {
	if m.Latent.Kind == dist.Categorical {
		return b.RelaxCategorical(logits, u, tau)
	}
	return b.RelaxBernoulli(logits, u, tau)
}

// PriorLogits returns the learned prior's logits, the parameter "prior/logits", or nil when the prior is uniform. They
// start at zero, the uniform prior.
func (m Model) PriorLogits(b *Graph) *G.Node {
	if m.Latent.Prior != PriorLearned {
		return nil
	}
	return b.In("prior", func() *G.Node { return b.Parameter("logits", Zeros, m.LatentShape(1)[1:]...) })
}

// KL returns KL(q(z|x) ‖ p(z)) in nats a row, [batch]. prior is what [Model.PriorLogits] gave.
func (m Model) KL(b *Graph, logits, prior *G.Node) *G.Node {
	if m.Latent.Kind == dist.Categorical {
		return b.KLCategorical(logits, prior)
	}
	return b.KLBernoulli(logits, prior)
}

// Harden returns the hard code of logits: per-bit thresholds for Bernoulli variables (nil means 0), the one-hot arg-max
// for categorical ones.
func (m Model) Harden(b *Graph, logits *G.Node, thresholds []float32) *G.Node {
	if m.Latent.Kind == dist.Categorical {
		return b.OneHotArgMax(logits)
	}
	t := make([]float64, m.Latent.Variables)
	if thresholds != nil && len(thresholds) != len(t) {
		return b.fail("%d thresholds for %d variables", len(thresholds), len(t))
	}
	for i, v := range thresholds {
		t[i] = float64(v)
	}
	return b.Threshold(logits, b.Constant(b.path("thresholds"), t, len(t)))
}

// Pack returns the bits of a hard code as bytes [batch, ceil(bits/8)]: bit i is bit 7-i%8 of byte i/8, the last byte is
// padded with zeros. It is a product with powers of two, exact in float32, because bit shifts have no CUDA kernel.
func (m Model) Pack(b *Graph, code *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	bits := m.Bits()
	bytes := (bits + 7) / 8
	powers := make([]float64, bits*bytes)
	for i := range bits {
		powers[i*bytes+i/8] = float64(int(128) >> (i % 8))
	}
	flat := b.Reshape(code, b.batch(code), bits)
	return b.Uint8(b.MatMul(flat, b.Constant(b.path("powers_of_two"), powers, bits, bytes)))
}

// HardCode returns the hard code of logits and its bytes: [Model.Harden] and [Model.Pack], as the part "threshold".
func (m Model) HardCode(b *Graph, logits *G.Node, thresholds []float32) (code, packed *G.Node) {
	packed = b.In("threshold", func() *G.Node {
		code = m.Harden(b, logits, thresholds)
		return m.Pack(b, code)
	})
	return code, packed
}

// Training is a model's training graph for one batch size: its inputs, the objective, and the parameters in the order
// of [Graph.Parameters].
type Training struct {
	Sample      *G.Node // [batch, input...], values within [0,1]
	Noise       *G.Node // latent shape, uniform in the open unit interval
	Temperature *G.Node // scalar
	KLWeight    *G.Node // scalar
	Logits      *G.Node // latent shape
	Objective
}

// The names of the training graph's inputs beside [bundle.Sample].
const (
	NoiseInput       = "noise"
	TemperatureInput = "temperature"
	KLWeightInput    = "kl_weight"
)

// Train builds the training graph of a batch of float rows: an input called [bundle.Sample].
func (m Model) Train(b *Graph, batch int) (Training, error) {
	if err := m.Validate(); err != nil {
		return Training{}, err
	}
	return m.TrainOn(b, b.Input(bundle.Sample, m.InputShape(batch)...))
}

// TrainOn builds the training graph on rows x of [Model.InputShape], within [0,1]: an input, or what is made of one.
func (m Model) TrainOn(b *Graph, x *G.Node) (Training, error) {
	if err := m.Validate(); err != nil {
		return Training{}, err
	}
	batch := b.batch(x)
	if b.err != nil {
		return Training{}, b.err
	}
	t := Training{
		Sample:      x,
		Noise:       b.Input(NoiseInput, m.LatentShape(batch)...),
		Temperature: b.Input(TemperatureInput),
		KLWeight:    b.Input(KLWeightInput),
	}
	t.Logits = m.Encode(b, t.Sample)
	code := m.Relax(b, t.Logits, t.Noise, t.Temperature)
	reconstruction := b.Reshape(m.Decode(b, code), batch, m.Width())
	target := b.Reshape(t.Sample, batch, m.Width())
	if m.Binarize > 0 {
		target = b.Greater(target, b.Number(m.Binarize))
	}
	t.Objective = b.NegativeELBO(
		b.LogLikelihoodBernoulli(target, reconstruction),
		m.KL(b, t.Logits, m.PriorLogits(b)),
		t.KLWeight)
	return t, b.Err()
}

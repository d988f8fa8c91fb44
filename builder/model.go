package builder

import (
	"fmt"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// A Model is the architecture of a variational auto-encoder with discrete latent variables: plain data. Its parts are
// found by name. Its methods build the parts into a [Graph].
type Model struct {
	Input      []int // shape of one row, such as [28, 28]
	Latent     Latent
	Encoder    Network // from the row to the logits
	Decoder    Network // from the code to the likelihood's parameters
	Activation Activation
	Likelihood dist.LikelihoodConfig // of a row's values
	Estimator  string                // of the objective's gradient, see [Estimators]; "" means [GumbelEstimator]
	Samples    int                   // of a row in a training step, of estimators that take several; 0 means as many as the estimator has by itself
	Terms      Terms                 // of the objective, beside the bound
	Binarize   float64               // > 0: the encoder's graph first replaces x by 1 where x > Binarize, else 0

	// Bias is where the bias of the decoder's last layer starts, numbers as the layer gives them, see [Model.DataBias]; nil for zeros.
	Bias []float64

	// Cut divides rows x, y in what the encoder sees and what is predicted from it; the zero value leaves them whole. Such a model has the
	// conditional prior p(z|x), and the objective -ln p(y|z).
	Cut dist.Cut

	// Standard is how the encoder's graph standardises rows, and the decoder's brings reconstructions back into their units.
	Standard dist.Standard
}

// maxWidth bounds every dimension of a model, so that a mistyped number is an error and does not exhaust the memory.
const maxWidth = 1 << 20

// maxWeights bounds a model's weights for the same reason: 2²⁸ numbers are 1 GiB in float32.
const maxWeights = 1 << 28

// Validate reports the first thing wrong with the architecture, by its configuration key.
func (m Model) Validate() error {
	if err := m.validate(); err != nil {
		return fmt.Errorf("builder: %w", err)
	}
	return nil
}

// Check reports the first thing wrong with the architecture whatever shape its rows have: Input is not looked at.
func (m Model) Check() error {
	if err := m.check(); err != nil {
		return fmt.Errorf("builder: %w", err)
	}
	return nil
}

func (m Model) validate() error {
	if len(m.Input) == 0 {
		return fmt.Errorf("input has no shape: give the shape of one row, such as [28, 28]")
	}
	for _, d := range m.Input {
		if d < 1 || d > maxWidth {
			return fmt.Errorf("input holds %d: use 1 to %d", d, maxWidth)
		}
	}
	if _, err := sizeOf(m.Input); err != nil { // the product may overflow
		return fmt.Errorf("input has %w", err)
	}
	if m.Width() > maxWidth {
		return fmt.Errorf("rows of %d values: they may have at most %d", m.Width(), maxWidth)
	}
	if err := m.check(); err != nil {
		return err
	}
	if err := m.Cut.Check(m.Input); err != nil {
		return fmt.Errorf("data.predict is %d: %w", m.Cut.Lines, err)
	}
	likelihood, err := m.likelihood()
	if err != nil {
		return err
	}
	if err := m.checkStandard(likelihood); err != nil {
		return err
	}
	_, _, err = m.plan(likelihood)
	return err
}

func (m Model) check() error {
	for _, part := range []struct {
		name    string
		network Network
	}{{"encoder", m.Encoder}, {"decoder", m.Decoder}} {
		if part.network == nil {
			return fmt.Errorf("%s is missing: give a network, such as a perceptron's hidden layers", part.name)
		}
		if err := part.network.Check(part.name); err != nil {
			return err
		}
	}
	if err := m.Latent.check(); err != nil {
		return err
	}
	if m.Bits() > maxWidth {
		return fmt.Errorf("codes of %d bits: they may have at most %d", m.Bits(), maxWidth)
	}
	if _, err := m.likelihood(); err != nil {
		return err
	}
	if err := m.checkCut(); err != nil {
		return err
	}
	if err := m.checkTerms(); err != nil {
		return err
	}
	if _, err := m.estimator(); err != nil {
		return err
	}
	if err := m.checkFit(); err != nil {
		return err
	}
	return m.Activation.check()
}

// Width returns the number of values in a row.
func (m Model) Width() int {
	n := 1
	for _, d := range m.Input {
		n *= d
	}
	return n
}

// InputShape returns the shape of a batch of rows.
func (m Model) InputShape(batch int) []int { return append([]int{batch}, m.Input...) }

// OutputShape returns the shape of the decoder's outputs for a batch: [Model.TargetShape], with one more dimension at the
// end where the likelihood has several parameters a value.
func (m Model) OutputShape(batch int) []int {
	if l, err := m.likelihood(); err == nil && l.Outputs() > 1 {
		return append(m.targets(batch), l.Outputs())
	}
	return m.targets(batch)
}

// targets is the shape of a batch of what the decoder gives.
func (m Model) targets(batch int) []int { return append([]int{batch}, m.TargetShape()...) }

// Encode returns the latent logits of a batch of rows. x has [Model.InputShape], the result [Model.LatentShape].
func (m Model) Encode(b *Graph, x *G.Node) *G.Node {
	logits, _ := m.EncodeQuery(b, x)
	return logits
}

// EncodeQuery is [Model.Encode] with the query beside the logits, of [Model.CodeShape]: nil where the encoder gives none, see [QueryNetwork].
func (m Model) EncodeQuery(b *Graph, x *G.Node) (logits, query *G.Node) {
	if m.Latent.layered() {
		return m.encodeLayers(b, x), nil
	}
	logits = b.In("encoder", func() *G.Node {
		batch := b.batch(x)
		if b.err != nil {
			return nil
		}
		rows := b.Reshape(m.seenPart(b, m.seen(b, x)), append([]int{batch}, m.SeenShape()...)...)
		given, asked := b.networkQuery(m.Encoder, rows, m.encoderSpec(), m.Bits())
		if asked != nil {
			query = b.Reshape(asked, m.CodeShape(batch)...)
		}
		return b.Reshape(m.normalised(b, given), m.LatentShape(batch)...)
	})
	return logits, query
}

// binarized returns rows as the model sees them, flat where they are binarised in the graph.
func (m Model) binarized(b *Graph, x *G.Node) *G.Node {
	if m.Binarize <= 0 {
		return x
	}
	return b.Greater(b.flat(x), b.Number(m.Binarize))
}

// Decode returns the decoder's outputs, of [Model.OutputShape], for codes of [Model.CodeShape], relaxed or hard: the
// parameters of the likelihood, which are logits for Bernoulli values.
func (m Model) Decode(b *Graph, code *G.Node) *G.Node {
	if m.Latent.layered() {
		i := m.decodedLayer()
		return m.layer(i).Decode(b, m.layerOf(b, code, i))
	}
	return b.In("decoder", func() *G.Node {
		batch := b.batch(code)
		if b.err != nil {
			return nil
		}
		l, err := m.likelihood()
		if err != nil {
			return b.fail("%w", err)
		}
		shape := m.targets(batch)
		if n := l.Predicted(); n > 1 {
			shape = append(shape, n)
		}
		predicted := b.Reshape(b.network(m.Decoder, m.entering(b, code), m.decoderSpec(l)), shape...)
		if outputs := m.half(b).outputs; outputs != nil {
			return outputs(b, predicted)
		}
		return predicted
	})
}

// encoderSpec is what the model asks of its encoder.
func (m Model) encoderSpec() NetworkSpec {
	return NetworkSpec{Out: m.Latent.Dist().Lowest().Logits(), Activation: m.Activation, Each: 1, Categories: m.Latent.Categories}
}

// decoderSpec is what the model asks of its decoder.
func (m Model) decoderSpec(l dist.Likelihood) NetworkSpec {
	shape := m.TargetShape()
	return NetworkSpec{Out: flattened(shape) * l.Predicted(), Activation: m.Activation, Shape: shape, Each: l.Predicted(), Bias: m.Bias}
}

// likelihood returns the model's likelihood.
func (m Model) likelihood() (dist.Likelihood, error) { return dist.LikelihoodOf(m.Likelihood) }

// batch returns the first dimension of x.
func (b *Graph) batch(x *G.Node) int {
	if b.err != nil {
		return 0
	}
	if x == nil || x.Dims() == 0 {
		b.fail("the model takes a batch of rows, not %v", shapes(G.Nodes{x}))
		return 0
	}
	return x.Shape()[0]
}

package builder

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/projection"
	G "gorgonia.org/gorgonia"
)

// A FittedNetwork is one linear map, x W + b, that is computed from rows, all at once, before the first training step. A model whose
// networks are both fitted needs no step.
type FittedNetwork interface {
	Network
	// Fit computes the map. In are rows as they enter the network; out is what it should give for them, or of no rows where the network
	// makes codes, which are the signs of what it gives. Seed is of what is drawn. left is the mean square of what the map leaves of out.
	Fit(ctx context.Context, in, out Rows, s NetworkSpec, seed uint64) (f LinearMap, left float64, err error)
}

// Rows are what networks are fitted to: Count rows of Width numbers, one after the other.
type Rows struct {
	Count, Width int
	Values       []float32
}

// A LinearMap has the weights of x W + b: Weight is [In, Out], row after row, and Bias [Out].
type LinearMap struct {
	In, Out int
	Weight  []float64
	Bias    []float64
}

// Fitted reports whether a network is fitted instead of trained.
func Fitted(n Network) bool {
	switch n.(type) {
	case FittedNetwork, searching, Additive:
		return true
	}
	return false
}

// FittedKinds returns the kinds of fitted networks, sorted: those of encoders and those of decoders.
func FittedKinds() (encoders, decoders []string) {
	for _, kind := range NetworkKinds() {
		switch n := networks[kind]; {
		case !Fitted(n):
		case n.Check(encoderPart) == nil:
			encoders = append(encoders, kind)
		default:
			decoders = append(decoders, kind)
		}
	}
	return encoders, decoders
}

// The parts of a model, as [Network].Check has them.
const (
	encoderPart = "encoder"
	decoderPart = "decoder"
)

// linearName is the name of the map's weights within a network: those of a perceptron without hidden layers.
const linearName = "logits"

// linearSteps are the layers of a fitted network.
func linearSteps() []step { return []step{{"result", linearName, DenseLayer{}}} }

// planLinear is Plan of fitted networks.
func planLinear(in []int, s NetworkSpec) ([]Layer, error) {
	lines, _, err := planSteps(linearSteps(), in, s)
	return lines, err
}

// buildLinear is Build of fitted networks.
func buildLinear(b *Graph, x *G.Node, s NetworkSpec) *G.Node {
	return buildSteps(b, x, linearSteps(), s)
}

// fittedGain is the root mean square to which a map to bits is scaled: the posterior of most bits is then near to certain, and samples of
// it are near to the hard code that the map is made for.
const fittedGain = 8

// checkFitted reports a network that cannot be this part, or a gain out of its range.
func checkFitted(kind, part string, gain float64) error {
	if part == decoderPart {
		return fmt.Errorf("decoder.kind is %s, which makes codes of rows, and a decoder makes rows of codes: use least_squares, or a network that is trained such as mlp", kind)
	}
	if !(gain >= 0 && gain <= 1e6) {
		return fmt.Errorf("%s.gain is %g: use a number from 0, up to 1e6", part, gain)
	}
	return nil
}

// fitCodes fits a map to bits, scaled to a gain, 0 for the usual one.
func fitCodes(ctx context.Context, fit projection.Fit, in Rows, bits int, gain float64, seed uint64) (LinearMap, float64, error) {
	rows := projection.Rows(in)
	d, err := projection.NewData(rows, projection.Seeded(seed))
	if err != nil {
		return LinearMap{}, 0, err
	}
	m, err := fit(d, ctx, bits)
	if err != nil {
		return LinearMap{}, 0, err
	}
	return LinearMap(m.Scaled(rows, cmp.Or(gain, fittedGain))), 0, nil
}

// checkFit reports fitted networks that do not fit the model.
func (m Model) checkFit() error {
	if err := m.checkCodebooks(); err != nil || m.Certain() {
		return err
	}
	if Fitted(m.Encoder) {
		for _, part := range m.Latent.Dist().Parts() {
			if part.Choices(0) != 2 {
				return fmt.Errorf("encoder.kind is %s, which makes bits, and latent.kind %s: set latent.kind=%s, or another encoder.kind", m.Encoder.Kind(), m.Latent.Kind, dist.Bernoulli)
			}
		}
	}
	if !Fitted(m.Decoder) {
		return nil
	}
	if !Fitted(m.Encoder) {
		encoders, _ := FittedKinds()
		return fmt.Errorf("decoder.kind is %s, which is fitted to codes before the first step, and encoder.kind %s is trained: set encoder.kind to %s, or decoder.kind to mlp", m.Decoder.Kind(), m.Encoder.Kind(), strings.Join(encoders, ", "))
	}
	l, err := m.likelihood()
	if err != nil {
		return err
	}
	if straight(l) {
		return nil
	}
	var fit []string
	for _, name := range dist.LikelihoodNames() {
		if o, err := dist.LikelihoodOf(dist.LikelihoodConfig{Kind: name}); err == nil && straight(o) {
			fit = append(fit, name)
		}
	}
	return fmt.Errorf("decoder.kind is %s, and what the likelihood %s takes is no mean, or more than one number a value: set likelihood.kind to one of %s, with a variance that is not predicted, or decoder.kind to mlp and epochs to 1 or more", m.Decoder.Kind(), m.LikelihoodName(), strings.Join(fit, ", "))
}

// straight reports whether the decoder gives one number a value, which is the value's mean, up to a factor and a shift.
func straight(l dist.Likelihood) bool {
	a, b, c := dist.BiasOf(l, 0.25), dist.BiasOf(l, 0.5), dist.BiasOf(l, 0.625) // not symmetric, as logits are about 1/2
	return len(a) == 1 && a[0] != b[0] && math.Abs(b[0]-a[0]-2*(c[0]-b[0])) < 1e-12
}

// Fit computes the model's fitted networks from rows, which are as they enter the encoder, and sets their weights in a parameter set. A
// decoder is fitted to the codes of the encoder. Networks that are trained stay as they are. Errors name keys.
func (m Model) Fit(ctx context.Context, p *Params, rows Rows, seed uint64) error {
	if err := m.fit(ctx, p, rows, seed); err != nil {
		return fmt.Errorf("builder: %w", err)
	}
	return nil
}

func (m Model) fit(ctx context.Context, p *Params, rows Rows, seed uint64) error {
	encoder, ok := m.Encoder.(FittedNetwork)
	search, searches := m.searches()
	if !ok && !searches {
		return nil
	}
	if rows.Width != m.Width() || len(rows.Values) != rows.Count*rows.Width {
		return fmt.Errorf("rows of %d values to fit to, the model's have %d", rows.Width, m.Width())
	}
	if searches {
		return m.fitCodebooks(ctx, p, rows, search, seed)
	}
	seen := m.seenRows(rows)
	f, _, err := encoder.Fit(ctx, seen, Rows{}, m.encoderSpec(), seed)
	if err == nil {
		err = f.set(p, encoderPart)
	}
	if err == nil && m.HasQuery() {
		err = f.set(p, encoderPart+"/"+queryName)
	}
	if err != nil {
		return fmt.Errorf("%s.kind is %s: %w", encoderPart, encoder.Kind(), err)
	}
	decoder, ok := m.Decoder.(FittedNetwork)
	if !ok {
		return nil
	}
	l, err := m.likelihood()
	if err != nil {
		return err
	}
	f, left, err := decoder.Fit(ctx, m.codesOf(f, seen), m.targetRows(rows, l), m.decoderSpec(l), seed)
	if err == nil {
		err = f.set(p, decoderPart)
	}
	if err != nil {
		return fmt.Errorf("%s.kind is %s: %w", decoderPart, decoder.Kind(), err)
	}
	return m.setSpread(p, left)
}

// setSpread sets the spread that all values share, where the likelihood has one, by the mean square of what is left of a value.
func (m Model) setSpread(p *Params, left float64) error {
	if half := likelihoods[m.LikelihoodName()](m.Likelihood); half.spread != nil {
		name, value := half.spread(left)
		return p.Set(decoderPart+"/"+name, []int{1}, []float64{value})
	}
	return nil
}

// set sets the weights of a part.
func (f LinearMap) set(p *Params, part string) error {
	for _, w := range slices.Concat(f.Weight, f.Bias) {
		if math.IsNaN(w) || math.Abs(w) > math.MaxFloat32 {
			return fmt.Errorf("a weight is %g: scale the rows first", w)
		}
	}
	if err := p.Set(part+"/"+linearName+"/weight", []int{f.In, f.Out}, f.Weight); err != nil {
		return err
	}
	return p.Set(part+"/"+linearName+"/bias", []int{f.Out}, f.Bias)
}

// seenRows is [Model.seen] of rows in memory, of the part that the encoder's network sees.
func (m Model) seenRows(rows Rows) Rows {
	if !m.Standard.Vector.IsZero() {
		return m.standardisedRows(rows)
	}
	seen := Rows{Count: rows.Count, Width: rows.Width, Values: slices.Clone(rows.Values)}
	for i, x := range seen.Values {
		switch {
		case m.Standard.Log:
			seen.Values[i] = float32(math.Log1p(float64(x)))
		case m.Binarize > 0 && float64(x) > m.Binarize:
			seen.Values[i] = 1
		case m.Binarize > 0:
			seen.Values[i] = 0
		}
	}
	return m.cutRows(m.standardisedRows(seen), dist.AppendSeen[float32])
}

// cutRows takes a part out of rows.
func (m Model) cutRows(rows Rows, appendPart func(c dist.Cut, dst, row []float32, shape []int) []float32) Rows {
	if m.Cut.IsZero() {
		return rows
	}
	var part []float32
	for i := range rows.Count {
		part = appendPart(m.Cut, part, rows.Values[i*rows.Width:][:rows.Width], m.Input)
	}
	return Rows{Count: rows.Count, Width: len(part) / max(rows.Count, 1), Values: part}
}

// standardisedRows returns rows as the likelihood sees them, in memory of their own.
func (m Model) standardisedRows(rows Rows) Rows {
	size := m.Standard.Size(rows.Width)
	to := Rows{Count: rows.Count, Width: size, Values: make([]float32, rows.Count*size)}
	for i := range rows.Count {
		m.Standard.Apply(to.Values[i*size:][:size], rows.Values[i*rows.Width:][:rows.Width])
	}
	return to
}

// targetRows are what the decoder should give for rows: the numbers whose mean is the row's, as the likelihood sees it.
func (m Model) targetRows(rows Rows, l dist.Likelihood) Rows {
	target := m.cutRows(m.standardisedRows(rows), dist.AppendTarget[float32])
	shift, factor := dist.BiasOf(l, 0.25)[0], dist.BiasOf(l, 0.75)[0]
	factor = 2 * (factor - shift)
	shift -= 0.25 * factor
	for i, x := range target.Values {
		target.Values[i] = float32(shift + factor*float64(x))
	}
	return target
}

// codesOf returns codes as they enter the decoder's network.
func (m Model) codesOf(f LinearMap, rows Rows) Rows {
	codes := Rows{Count: rows.Count, Width: f.Out, Values: make([]float32, 0, rows.Count*f.Out)}
	clear := float32(0)
	if m.Latent.Signs {
		clear = -1
	}
	var y []float64
	for i := range rows.Count {
		y = projection.Map(f).Apply(y[:0], rows.Values[i*rows.Width:][:rows.Width])
		for _, x := range y {
			bit := clear
			if x > 0 {
				bit = 1
			}
			codes.Values = append(codes.Values, bit)
		}
	}
	return codes
}

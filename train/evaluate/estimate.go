package evaluate

import (
	"context"
	"fmt"
	"math"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/internal/noise"
	"golang.org/x/sync/errgroup"
)

// Coder is what an evaluation needs from a model: runtime.Model is one.
type Coder interface {
	Logits(ctx context.Context, dst, rows []float32) ([]float32, error)
	DecodeLogits(ctx context.Context, dst, codes []float32) ([]float32, error)
}

// Distributions are those of the evaluated model, as a bundle's manifest has them.
type Distributions struct {
	Latent     dist.Latent
	Likelihood dist.Likelihood
	Standard   dist.Standard // of rows, before the likelihood sees them
	Cut        dist.Cut      // of rows, where a part of them is predicted from the rest
	Row        []int         // the shape of a row, where it is cut
}

// DistributionsOf returns the distributions of a bundle.
func DistributionsOf(m *bundle.Manifest) (Distributions, error) {
	l, err := dist.LikelihoodOf(m.LikelihoodConfig())
	if err != nil {
		return Distributions{}, fmt.Errorf("evaluate: %w: %w", err, bundle.ErrFormat)
	}
	return Distributions{Latent: m.Latent.Dist(), Likelihood: l, Standard: m.Input.Standard.Dist(), Cut: m.Cut(), Row: m.Input.RowShape()}, nil
}

// LogP returns ln p(x|outputs) of a row as it enters the encoder, in nats: of the standardised row, where the model standardises; of the
// part that is predicted, where that is a part.
func (d Distributions) LogP(row, outputs []float32) float64 {
	if !d.Standard.Moves() {
		return d.Likelihood.LogP(d.target(row), outputs)
	}
	z := make([]float32, d.Standard.Size(len(row)))
	d.Standard.Apply(z, row)
	return d.Likelihood.LogP(d.target(z), outputs)
}

// target returns what is predicted of a row: all of it where nothing is cut.
func (d Distributions) target(row []float32) []float32 {
	if d.Cut.IsZero() {
		return row
	}
	return dist.AppendTarget(d.Cut, nil, row, d.Row)
}

// Evaluation holds a model's figures from hard samples of the posterior, which may be compared with those of other
// models. All are in nats a row, averaged over the rows. Of a model that predicts a part of a row y from the rest x the bounds are of
// ln p(y|x), z is drawn from p(z|x), and there is no divergence: KL is 0.
type Evaluation struct {
	Rows           int     `json:"rows"`
	Conditional    bool    `json:"conditional,omitempty"` // the bounds are of ln p(y|x)
	Binarize       string  `json:"binarize"`              // how the rows were binarised
	ELBO           float64 `json:"elbo"`                  // ln p(x|z) - KL, one sample z from q(z|x) a row
	Reconstruction float64 `json:"reconstruction"`        // -ln p(x|z) of that sample
	KL             float64 `json:"kl"`                    // KL(q(z|x) ‖ p(z)), analytic; of layers ln q(z|x)/p(z) of that sample
	Samples        int     `json:"samples"`               // K of the next
	IWAE           float64 `json:"iwae"`                  // ln 1/K Σ p(x,z)/q(z|x), K samples
	// PerDimension has the bounds in bits of each whole number; nil where the likelihood is none of whole numbers.
	PerDimension *PerDimension `json:"bits_per_dimension,omitempty"`
	// ActiveBits counts bits that are set with a probability within [0.01, 0.99], averaged over the rows, and have a divergence
	// above 0.01 nats; a categorical variable's categories share its divergence and each count as a bit. It says nothing of the hard bits: Codes
	// does. Where there is no divergence, it is a bit's from its mean over the rows that counts.
	ActiveBits int      `json:"active_bits"`
	Codes      *CodeUse `json:"codes,omitempty"` // nil where the model is no [Encoder]
	Bits       []Bit    `json:"-"`
}

// PerDimension holds bounds on -ln p(x) in bits a dimension: of all rows, divided by ln 2 and by how many whole numbers all rows
// have, as [dist.IntegerLikelihood] counts them.
type PerDimension struct {
	Of   string  `json:"of"`   // what a dimension is: "dimension" or "word"
	ELBO float64 `json:"elbo"` // of the negative ELBO: lower is better
	IWAE float64 `json:"iwae"` // of the negative IWAE bound
}

// Bit is the use of one bit of the code.
type Bit struct {
	Mean float64 // of its posterior probability over the rows
	KL   float64 // divergence of its variable from the prior, averaged over the rows; from the bit's mean where there is no prior
}

// Active reports whether the bit says something about the row.
func (b Bit) Active() bool { return b.Mean >= 0.01 && b.Mean <= 0.99 && b.KL > 0.01 }

// Options say how [Estimate] draws. Samples is K, at least 1; Limit bounds the rows, 0 means all.
type Options struct {
	Binarize dataset.Binarization
	Seed     uint64
	Samples  int
	Limit    int
	Progress func(done, total int) // rows; may be nil
}

// evaluationChunk is how many rows go through the graphs at once.
const evaluationChunk = 250

// Estimate estimates the bounds of a model on a set:
//
//	ELBO    E ln p(x|z) - KL(q(z|x) ‖ p(z)),   one hard z from q
//	IWAE    E ln 1/K Σ p(x,z_k)/q(z_k|x),   K hard z (Burda et al. 1509.00519, equation 8)
//
// Both bound ln p(x) from below, of a model that predicts a part of a row ln p(y|x), with the weights p(y|z_k); IWAE grows towards it with
// K. Equal seeds give equal numbers. Of a model that is an [Encoder], the hard codes are measured too.
func Estimate(ctx context.Context, c Coder, m Distributions, set *dataset.Set, o Options) (Evaluation, error) {
	if o.Samples < 1 {
		return Evaluation{}, fmt.Errorf("evaluate: evaluate with %d samples: use 1 or more", o.Samples)
	}
	n := set.Len()
	if o.Limit > 0 {
		n = min(n, o.Limit)
	}
	e := evaluator{coder: c, model: m, set: set, options: o, bits: make([]Bit, m.Latent.Bits())}
	if err := e.all(ctx, n); err != nil {
		return Evaluation{}, err
	}
	r := Evaluation{Rows: n, Conditional: m.Latent.Conditional, Binarize: string(o.Binarize), Samples: o.Samples, Bits: e.bits}
	rows := float64(n)
	r.Reconstruction, r.KL, r.IWAE = e.reconstruction/rows, e.kl/rows, e.iwae/rows
	r.ELBO = -r.Reconstruction - r.KL
	if l, ok := m.Likelihood.(dist.IntegerLikelihood); ok && e.dimensions > 0 {
		bits := rows / math.Ln2 / e.dimensions
		r.PerDimension = &PerDimension{Of: l.Dimension(), ELBO: -r.ELBO * bits, IWAE: -r.IWAE * bits}
	}
	for i := range e.bits {
		e.bits[i].Mean /= rows
		e.bits[i].KL /= rows
		if m.Latent.Conditional { // the sum is that of -H(q): with H(mean) it is the mean of KL(q ‖ mean)
			e.bits[i].KL = max(0, e.bits[i].KL+entropy(e.bits[i].Mean))
		}
		if e.bits[i].Active() {
			r.ActiveBits++
		}
	}
	if e.codes != nil {
		use := e.codes.use()
		r.Codes = &use
	}
	return r, nil
}

// evaluator sums over rows.
type evaluator struct {
	coder                    Coder
	model                    Distributions
	set                      *dataset.Set
	options                  Options
	bits                     []Bit
	codes                    *codeCount // nil where the model is no [Encoder]
	reconstruction, kl, iwae float64
	dimensions               float64 // of all rows, of likelihoods of whole numbers
}

// all measures the first n rows: chunks on all cores, added in the rows' order, so that equal seeds give equal numbers on any number of cores.
func (e *evaluator) all(ctx context.Context, n int) error {
	if _, ok := e.coder.(Encoder); ok {
		e.codes = newCodeCount(e.model.Latent.Bits())
	}
	workers := cores.Count()
	for from := 0; from < n; from += workers * evaluationChunk {
		chunks := make([]*chunk, 0, workers)
		for at := from; at < min(n, from+workers*evaluationChunk); at += evaluationChunk {
			chunks = append(chunks, &chunk{evaluator: e, from: at, to: min(n, at+evaluationChunk)})
		}
		var group errgroup.Group
		for _, c := range chunks {
			group.Go(func() error { return c.measure(ctx) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, c := range chunks {
			e.add(c)
			if e.options.Progress != nil {
				e.options.Progress(c.to, n)
			}
		}
	}
	return nil
}

// A chunk is some rows with what was measured of them.
type chunk struct {
	*evaluator
	from, to   int
	packed     []byte // hard codes
	posteriors []dist.Posterior
	first      []sample    // of each row
	weights    [][]float64 // ln p(x,z)/q(z|x) by row and sample
	dimensions float64
}

// A sample is what one code says of its row: ln p(x|z) and ln p(z)/q(z|x).
type sample struct{ likelihood, ratio float64 }

func (e *chunk) measure(ctx context.Context) error {
	size, width, bits, n := e.set.RowSize(), e.model.Latent.Logits(), e.model.Latent.Bits(), e.to-e.from
	rows := make([]float32, n*size)
	for i := range n {
		e.set.Row(e.from+i, rows[i*size:][:size])
	}
	if err := e.encode(ctx, rows); err != nil {
		return err
	}
	binarizer := dataset.Binarizer{Rule: e.options.Binarize, Seed: e.options.Seed}
	for i := range n {
		row := rows[i*size:][:size]
		binarizer.Apply(row, 0, uint32(e.from+i))
		if l, ok := e.model.Likelihood.(dist.IntegerLikelihood); ok {
			e.dimensions += l.Dimensions(e.model.target(row))
		}
	}
	logits, err := e.coder.Logits(ctx, nil, rows)
	if err != nil {
		return err
	}
	posteriors := make([]dist.Posterior, n)
	for i := range posteriors {
		posteriors[i] = e.model.Latent.Posterior(logits[i*width:][:width])
	}
	e.weights, e.first = make([][]float64, n), make([]sample, n)
	codes, u := make([]float32, n*bits), make([]float32, n*width)
	var decoded []float32
	samples := e.options.Samples
	if e.model.Latent.Point { // all are the hard code
		samples = 1
	}
	for k := range samples {
		for i := range n {
			noise.Stream{Seed: e.options.Seed, Purpose: noise.Evaluation}.Uniform(u[i*width:][:width], uint32(k), uint32(e.from+i))
			e.model.Latent.Draw(codes[i*bits:][:bits], logits[i*width:][:width], u[i*width:][:width])
		}
		if e.model.Latent.Layered() {
			if posteriors, err = drawLayers(ctx, e.coder, e.model.Latent, codes, logits, u); err != nil {
				return err
			}
		}
		if decoded, err = e.coder.DecodeLogits(ctx, decoded[:0], codes); err != nil {
			return err
		}
		outputs := len(decoded) / n
		for i := range n {
			s := sample{e.model.LogP(rows[i*size:][:size], decoded[i*outputs:][:outputs]), posteriors[i].LogRatio(codes[i*bits:][:bits])}
			if k == 0 {
				e.first[i] = s
			}
			e.weights[i] = append(e.weights[i], s.likelihood+s.ratio)
		}
		if k == 0 {
			e.posteriors = posteriors
		}
	}
	return nil
}

// encode writes the hard codes of rows that are not binarised.
func (e *chunk) encode(ctx context.Context, rows []float32) (err error) {
	coder, ok := e.coder.(Encoder)
	if !ok {
		return nil
	}
	e.packed, err = encoded(ctx, coder, nil, e.model.Latent.Bits(), rows, e.to-e.from)
	return err
}

// add adds what was measured of a chunk.
func (e *evaluator) add(c *chunk) {
	for i, s := range c.first {
		e.reconstruction -= s.likelihood
		e.kl += e.addRow(c.posteriors[i], s.ratio)
		e.iwae += logMeanExp(c.weights[i])
	}
	e.dimensions += c.dimensions
	if e.codes != nil {
		e.codes.add(c.packed, e.set, c.from)
	}
}

// addRow adds a row's probabilities and divergences to the bits' sums and returns KL(q || p). The bits of a categorical
// variable share its divergence. Where variables are in layers, z2 depends on z1, and only ln q(z|x)/p(z) of the sample is without a bias.
func (e *evaluator) addRow(p dist.Posterior, logRatio float64) float64 {
	kl := p.KL(func(from, to int, kl float64) {
		for i := from; i < to; i++ {
			q := p.Bit(i)
			e.bits[i].Mean += q
			if e.model.Latent.Conditional {
				kl = -entropy(q)
			}
			e.bits[i].KL += kl
		}
	})
	if e.model.Latent.Layered() {
		return -logRatio
	}
	return kl
}

// entropy is that of a bit of this probability, in nats.
func entropy(p float64) float64 { return math.Ln2 * codes.Entropy(p) }

func logMeanExp(w []float64) float64 {
	most := math.Inf(-1)
	for _, x := range w {
		most = max(most, x)
	}
	sum := 0.0
	for _, x := range w {
		sum += math.Exp(x - most)
	}
	return most + math.Log(sum/float64(len(w)))
}

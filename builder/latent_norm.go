package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// The normalisations of latent logits, as `latent.norm` has them.
const (
	NormNone  = "none"
	NormBatch = BatchNormalisation
)

// LatentNorms returns the names of all normalisations of latent logits.
func LatentNorms() []string { return []string{NormNone, NormBatch} }

// normGain is the deviation to which batch normalisation brings latent logits: at 2 most bits are near to certain, and every bit is still
// 1 in about half of the rows.
const normGain = 2

// checkNorm reports a normalisation that the latent variables do not have.
func (l Latent) checkNorm() error {
	switch {
	case l.Signs && !l.Dist().Discrete():
		return fmt.Errorf("latent.signs is true, and latent.kind %q: only codes of 0 and 1 become signs: leave latent.signs out", l.Kind)
	case l.Norm == "" || l.Norm == NormNone:
		return nil
	case l.Norm != NormBatch:
		return fmt.Errorf("latent.norm is %q: use %q or %q", l.Norm, NormBatch, NormNone)
	case !l.Dist().Discrete():
		return fmt.Errorf("latent.norm is %q, and latent.kind %q: only logits of discrete variables are normalised: leave latent.norm out", l.Norm, l.Kind)
	}
	return nil
}

// normalised returns the latent logits that the encoder's network gave, normalised where the model does that: each logit has the
// mean 0 and the deviation 2 over a batch,
//
//	2 · (l - mean) / √(variance + 1e-5)
//
// without a trained scale or shift, so that no bit can be on, or off, in all rows. Exports fold it into the network's last layer.
func (m Model) normalised(b *Graph, logits *G.Node) *G.Node {
	if m.Latent.Norm != NormBatch {
		return logits
	}
	return b.Mul(b.BatchStandard("norm", b.flat(logits)), b.Number(normGain))
}

// entering returns a code as the decoder's network takes it: 2b-1 where the model asks for signs. Bits that are 0 then say as much to
// the first layer as bits that are 1.
func (m Model) entering(b *Graph, code *G.Node) *G.Node {
	if !m.Latent.Signs {
		return code
	}
	return b.Sub(b.Mul(b.Number(2), code), b.Number(1))
}

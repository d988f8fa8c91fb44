package dist

import "math"

// multinomialLikelihood is the likelihood of counts x_1, …, x_d of a vocabulary of d words: each of the Σ x words of a row is drawn
// by the same probabilities, the softmax of d logits.
//
//	ln p = Σ x_i (l_i - ln Σ e^(l_k)),   outputs l_i, one a value
//
// It is that of the words in some order, as in NVDM (Miao et al. 1511.06038, equation 4) and NASH (Shen et al. 1805.05361,
// equation 6): the multinomial coefficient ln (Σ x)! - Σ ln x_i!, by how many orders make the counts, is left out. No parameter
// depends on it, figures are those of the papers, and divided by the words they give a perplexity. How many words a row has is
// given, and not modelled: the reconstruction is the share of each word, not its count.
type multinomialLikelihood struct{}

func (multinomialLikelihood) Doc() string {
	return "values are counts, as of the words of a text: each word is drawn by the softmax of the decoder's logits"
}

func (multinomialLikelihood) Values() Values     { return Counts() }
func (multinomialLikelihood) Standardises() bool { return false }
func (multinomialLikelihood) Outputs() int       { return 1 }
func (multinomialLikelihood) Predicted() int     { return 1 }

func (multinomialLikelihood) SampleDoc() string  { return "Rows of counts." }
func (multinomialLikelihood) MeanDoc() string    { return "Share of each value in the row's sum." }
func (multinomialLikelihood) OutputsDoc() string { return "Logits of those shares." }

// Dimensions is the sum of the counts.
func (multinomialLikelihood) Dimensions(x []float32) (words float64) {
	for _, n := range x {
		words += float64(n)
	}
	return words
}

// Scale is the sum of the counts, too.
func (l multinomialLikelihood) Scale(x []float32) float32 { return float32(l.Dimensions(x)) }

func (multinomialLikelihood) Dimension() string { return "word" }

func (multinomialLikelihood) LogP(x, logits []float32) float64 {
	sum, logs := 0.0, make([]float64, len(logits))
	logSoftmax(logs, logits)
	for i, n := range x {
		if n != 0 {
			sum += float64(n) * logs[i]
		}
	}
	return sum
}

func (multinomialLikelihood) Mean(dst, logits []float32) {
	logs := make([]float64, len(logits))
	logSoftmax(logs, logits)
	for i, p := range logs {
		dst[i] = float32(math.Exp(p))
	}
}

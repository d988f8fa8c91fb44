package dist

import "math"

// categoricalLikelihood is the likelihood of independent whole numbers 0, …, n-1 (n is 256 for bytes) with a probability for each of
// them, whatever the others' are: n logits a value. They enter as x = v/(n-1).
//
//	ln p(v) = l_v - ln Σ e^(l_k),   outputs l_0, …, l_(n-1)
//
// van den Oord et al. 1601.06759, section 3.3, without the dependence between values. It is the freest likelihood of a byte, and
// the dearest: n outputs a value, which know nothing of the order of their numbers.
type categoricalLikelihood struct{ levels }

func (categoricalLikelihood) Doc() string {
	return "each value is a whole number, a byte of a picture, with a logit by the decoder for each number that there is"
}

func (l categoricalLikelihood) Outputs() int   { return int(l.levels) }
func (l categoricalLikelihood) Predicted() int { return int(l.levels) }

func (categoricalLikelihood) SampleDoc() string {
	return "Rows within [0,1]: whole numbers divided by the largest."
}
func (categoricalLikelihood) MeanDoc() string { return "Mean of each value, within [0,1]." }
func (categoricalLikelihood) OutputsDoc() string {
	return "Logits of each whole number, of each value."
}

func (l categoricalLikelihood) LogP(x, outputs []float32) float64 {
	sum, logs := 0.0, make([]float64, l.levels)
	for i, v := range x {
		logSoftmax(logs, outputs[i*len(logs):][:len(logs)])
		sum += logs[l.level(v)]
	}
	return sum
}

// Mean is Σ k/(n-1) p(k).
func (l categoricalLikelihood) Mean(dst, outputs []float32) {
	logs := make([]float64, l.levels)
	for i := range dst {
		logSoftmax(logs, outputs[i*len(logs):][:len(logs)])
		mean := 0.0
		for k, p := range logs {
			mean += float64(k) * math.Exp(p)
		}
		dst[i] = float32(min(mean/float64(l.levels-1), 1))
	}
}

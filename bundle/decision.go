package bundle

// NearDecision marks the bits of one row that rounding may turn: whose logits are within margin · max(1, the row's largest
// |logit|) of a decision, which is a Bernoulli variable's distance from its threshold, a categorical variable's first minus
// second logit.
func (l Latent) NearDecision(logits []float64, margin float64) []bool {
	scale := 1.0
	for _, x := range logits {
		scale = max(scale, x, -x)
	}
	margin *= scale
	near := make([]bool, len(logits))
	if l.Kind == Bernoulli {
		for i, x := range logits {
			if len(l.Thresholds) > 0 {
				x -= float64(l.Thresholds[i])
			}
			near[i] = x <= margin && x >= -margin
		}
		return near
	}
	for at := 0; at < len(logits); at += l.Categories {
		group := logits[at : at+l.Categories]
		first, second := group[0], group[1]
		if second > first {
			first, second = second, first
		}
		for _, x := range group[2:] {
			switch {
			case x > first:
				first, second = x, first
			case x > second:
				second = x
			}
		}
		for i := range group {
			near[at+i] = first-second <= margin
		}
	}
	return near
}

// Package dist holds the distributions of the models: latent families and likelihoods, each with every facet that needs no
// gorgonia.
//
// Four nouns. A [Family] is a kind of latent variable: which shape its logits and its code have, its posterior, its
// divergence from the prior, how a sample is drawn, how near a row is to another code. A [Latent] is a family with its
// sizes and its prior: what one model has. A [Likelihood] says how a row's values are distributed given the decoder's
// outputs: ln p, the mean, and the range of the values. [Values] is the rule by which a file's numbers become those values.
//
//	l, err := dist.NewLatent(dist.Bernoulli, 64, 0)
//	if err != nil { … }
//	q := l.Posterior(logits)             // of one row
//	fmt.Println(q.KL(nil), "nats")
//
// Families and likelihoods are found by the names that configurations and manifests use: see [FamilyNames] and
// [LikelihoodNames]. To add one, write its file and add its row to the map in latent.go or likelihood.go; package builder
// has the half that is differentiated, under the same name, and a test that compares the halves.
//
// Numbers are float64 inside and float32 at the borders. Logarithms are natural, so that figures are nats. Everything
// here is safe for concurrent use, as long as no two calls write to the same slice.
package dist

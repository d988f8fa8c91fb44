// Package dist holds the distributions of the models: latent families and likelihoods, each with every facet that needs no
// gorgonia. Numbers are float64 inside and float32 at the borders; all logarithms are natural, so that figures are nats.
package dist

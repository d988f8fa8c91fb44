// Package evaluate measures models by bounds on ln p(x) that may be compared with other people's: on hard samples from the
// posterior, never on the relaxed objective.
//
// Three nouns: a [Coder] is what is measured, an open bundle for example; [Distributions] say how its codes and its rows are
// distributed; an [Evaluation] holds the figures, in nats a row. [Estimate] draws samples, [Exact] enumerates every code of
// a small latent space, [Codes] looks at the codes that are shipped:
//
//	m, err := evaluate.DistributionsOf(model.Manifest())
//	e, err := evaluate.Estimate(ctx, model, m, set, evaluate.Options{Binarize: dataset.None, Seed: 1, Samples: 100})
//	fmt.Println(-e.ELBO, -e.IWAE)
//
// The package links no gorgonia, so that a program which only runs bundles can measure them. An evaluation runs on the
// goroutine that asks for it and on one more for each core; evaluations are independent of each other.
package evaluate

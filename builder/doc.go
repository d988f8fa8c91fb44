// Package builder is the model language: layers, discrete latent variables and their relaxations, likelihoods and the
// objective, as functions from gorgonia nodes to gorgonia nodes.
//
// One variational auto-encoder reads from top to bottom:
//
//	sample x ── encoder ── logits l ──┬── relaxation (noise u, temperature τ) ── z ── decoder ── logits of p(x|z)
//	                                  │                                                              │
//	                                  └── KL(q(z|x) ‖ p(z))                        ln p(x|z), Bernoulli likelihood
//	                                              └───────────── objective ─────────────┘
//
// Five nouns. *Logits* are unnormalised log-probabilities, what every part works on. A *relaxation* is a differentiable
// stand-in for a sample: the Gumbel-sigmoid or Gumbel-softmax. The *likelihood* scores a row given its code; the
// *divergence* measures how much the code says about the row; the *objective* adds them up. A [Graph] holds one
// gorgonia graph at one batch size, a [Params] the values of its parameters, shared by all graphs of a model, a [Model]
// the architecture as plain data.
//
//	params, err := builder.NewParams(tensor.Float32, 1)
//	b := builder.New(params)
//	logits := b.MLP(b.Input("x", 128, 784), []int{400}, builder.ReLU, 200)
//	kl := b.KLBernoulli(logits, nil)
//	if b.Err() != nil { … }
//
// What comes in kinds is found by name, one file and one row each: a latent family in latent.go, a [Network] in network.go, a
// likelihood in likelihood.go, an [Estimator] in estimator.go, an [Activation] in activation.go. Families and likelihoods have
// a half without gorgonia under the same name in package dist. An estimator makes the objective from the [Parts] of a model,
// and asks for inputs by their [Purpose], which is how training knows what to fill them with.
//
// A Graph keeps its first error, so that models are plain expressions, checked once. Every node is made through one
// function that notices when gorgonia silently returns another node; reshapes, sums, broadcasts, the softplus, the sigmoid
// and the log-softmax are ops of this package, because gorgonia's share memory, round or overflow (traps_test.go has the
// smallest graph for each). Your own ops work with them: see [ONNXWriter] for how to export one.
//
// Limits: multi-layer perceptrons and imported ONNX graphs; float32, and float64 for checks; gorgonia's tape machine runs on its own goroutine,
// so a panic inside somebody else's op cannot be caught here. A [Graph] and a [Machine] are for one goroutine. A
// [Params] is shared by graphs, and is not safe for concurrent use. A [Model] is plain data, and safe for concurrent
// use as long as nobody changes it.
package builder

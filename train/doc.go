// Package train trains models of package builder and leaves run folders behind.
//
// [Run] is the whole of it: it reads rows, takes steps with an [Engine], measures the bound on rows held out after every
// epoch, keeps the best weights, and ends with an exported, verified bundle and a report. [ConfigFile] lists what a run
// folder holds. Three nouns: a [Config] defines a run, and with its data every number of the result; an *engine* takes
// steps (gorgonia's tape machine, the reference); an [Evaluation] is what may be reported: bounds on hard samples from
// the posterior, never the relaxed objective.
//
//	c, err := train.LoadConfig("bernoulli-mlp", os.ReadFile)
//	result, err := train.Run(ctx, c, train.Options{Source: "mnist/", Out: "run", Backend: backend})
//
// Everything that is drawn comes from counter-based streams keyed by the seed, the purpose, the global step and the row,
// so that two runs of one configuration are equal, and engines can be compared step by step.
package train

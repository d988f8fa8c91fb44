// Package train trains models of package builder and leaves run folders behind.
//
// [Run] does everything: it reads rows, takes steps with an engine, measures the bound on held-out rows after every
// epoch, keeps checkpoints, and ends with an exported, verified bundle and a report of the best epoch. [ConfigFile]
// lists what a run folder holds. Four nouns: a [Config] defines a run, and with its data every number of the result; an
// *engine* takes steps (package engine: compiled to one ONNX graph, or on gorgonia's tape machine, the reference); a
// [Checkpoint] is what a run continues from; an [evaluate.Evaluation] is what may be reported: bounds on hard samples from the
// posterior, never the relaxed objective.
//
//	c, err := train.LoadConfig("bernoulli-mlp", os.ReadFile)
//	result, err := train.Run(ctx, c, train.Options{Source: "mnist/", Out: "run", Backend: backend})
//
// Everything that is drawn comes from counter-based streams keyed by the seed, the purpose, the global step and the row,
// so that two runs of one configuration are equal, a run continues bit for bit after a pause, and engines can be
// compared step by step. [Run] may be called several times at once, each with its own folder: a lock keeps two runs out
// of one folder. A [Config] and a [Trained] are safe for concurrent use as long as nobody changes them.
package train

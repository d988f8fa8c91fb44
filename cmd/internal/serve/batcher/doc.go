// Package batcher joins the rows of many small requests into few large runs.
//
// # Mental model
//
// A [Batcher] has a queue and a function that computes rows. [Batcher.Do] puts a request's rows into the queue and waits for their results:
//
//	Do ──┐                          ┌─ piece of the results
//	Do ──┼─> queue ─> batch ─> run ─┼─ piece of the results
//	Do ──┘  (bounded)   (padded)    └─ piece of the results
//
// While a batch runs, others wait and become the next batch. A batch that is not full waits at most a delay for more rows, and only while
// another runs: a lone request never waits.
//
// A run has one of few numbers of rows, and the rows that a batch lacks are zeros. So a server can try each number once, and take those
// for which a row's result is the same as in any other company.
//
// # Limits
//
// Rows and results are bytes, so that nothing is converted or copied twice. A batcher knows nothing of models or protocols. A request whose
// context is done leaves the queue at once; one that is running already is waited for, since its memory is being read.
package batcher

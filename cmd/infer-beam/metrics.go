package main

import (
	"context"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/catvae/catvae/runtime"
)

// namespace is the metrics'.
const namespace = "catvae"

// What countParts counts.
const (
	partsMade    = "parts_made"
	partsSkipped = "parts_skipped"
)

// The metrics of inference have the names that Python's RunInference gives them (apache_beam/ml/inference/base.py). A
// batch is one run of the graphs; a failed one is a strip that ended with an error.
var (
	inferences    = beam.NewCounter(namespace, "num_inferences") // rows
	failedBatches = beam.NewCounter(namespace, "failed_batches_counter")
	batchSize     = beam.NewDistribution(namespace, "inference_request_batch_size")
	batchBytes    = beam.NewDistribution(namespace, "inference_request_batch_byte_size")
	batchLatency  = beam.NewDistribution(namespace, "inference_batch_latency_micro_secs")
	modelBytes    = beam.NewDistribution(namespace, "model_byte_size")
	modelLoading  = beam.NewDistribution(namespace, "load_model_latency_milli_secs")

	made    = beam.NewCounter(namespace, partsMade)
	skipped = beam.NewCounter(namespace, partsSkipped)
)

// report records the model's loading once, in the first bundle that finds it loaded: Beam has no metrics outside
// bundles.
func (w *worker) report(ctx context.Context) {
	w.reporting.Do(func() {
		modelBytes.Update(ctx, w.bytes)
		modelLoading.Update(ctx, w.loading.Milliseconds())
	})
}

// rowBytes is the size of a row as the graphs get it.
func (w *worker) rowBytes() int64 {
	n := int64(w.plan.Source.RowSize())
	if w.plan.Bytes() {
		return n
	}
	return 4 * n
}

// An observer keeps the metrics of a strip's batches. Beam's are not safe for the goroutines of a stream.
type observer struct {
	ctx      context.Context // of the bundle, to which Beam's metrics are tied
	rowBytes int64
	mu       sync.Mutex
}

func (o *observer) observe(stage runtime.Stage, rows int, took time.Duration) {
	if stage != runtime.StageRun {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	inferences.Inc(o.ctx, int64(rows))
	batchSize.Update(o.ctx, int64(rows))
	batchBytes.Update(o.ctx, int64(rows)*o.rowBytes)
	batchLatency.Update(o.ctx, took.Microseconds())
}

// A distribution is Beam's summary of a distribution's values.
type distribution struct {
	Count int64 `json:"count"`
	Sum   int64 `json:"sum"`
	Min   int64 `json:"min"`
	Max   int64 `json:"max"`
}

// metricsOf returns a pipeline's metrics by name, those of all workers together: int64 or distribution.
func metricsOf(result beam.PipelineResult) map[string]any {
	all := map[string]any{}
	q := result.Metrics().AllMetrics()
	for _, c := range q.Counters() {
		if c.Namespace() == namespace {
			n, _ := all[c.Name()].(int64)
			all[c.Name()] = n + c.Result()
		}
	}
	for _, d := range q.Distributions() {
		if d.Namespace() == namespace {
			v := d.Result()
			all[d.Name()] = distribution{v.Count, v.Sum, v.Min, v.Max}
		}
	}
	return all
}

// counted returns the value of a counter, 0 where the runner does not report it.
func counted(result beam.PipelineResult, name string) int64 {
	if result == nil {
		return 0
	}
	n, _ := metricsOf(result)[name].(int64)
	return n
}

package serve

import (
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// A metric is a row of the table of what is told of each model. The names are Triton's where it has a word.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(m *repository.Model, v repository.Snapshot) float64
}

func newMetric(name, help string, kind prometheus.ValueType, value func(m *repository.Model, v repository.Snapshot) float64) metric {
	return metric{prometheus.NewDesc(name, help, []string{"model", "version"}, nil), kind, value}
}

func microseconds(d repository.Duration) float64 { return float64(d.Took) / float64(time.Microsecond) }

// failures is the one metric with a label more.
var failures = prometheus.NewDesc("nv_inference_request_failure", "Number of failed requests", []string{"model", "version", "reason"}, nil)

// metrics is the table.
var metrics = []metric{
	newMetric("nv_inference_request_success", "Number of requests that were answered", prometheus.CounterValue, func(_ *repository.Model, v repository.Snapshot) float64 { return float64(v.Success.Count) }),
	newMetric("nv_inference_count", "Number of rows that were answered", prometheus.CounterValue, func(_ *repository.Model, v repository.Snapshot) float64 { return float64(v.Rows) }),
	newMetric("nv_inference_exec_count", "Number of batches that were run", prometheus.CounterValue, func(_ *repository.Model, v repository.Snapshot) float64 { return float64(v.Runs) }),
	newMetric("nv_inference_request_duration_us", "Time of answered requests in all, in microseconds", prometheus.CounterValue, func(_ *repository.Model, v repository.Snapshot) float64 { return microseconds(v.Success) }),
	newMetric("nv_inference_queue_duration_us", "Time that requests waited in all, in microseconds", prometheus.CounterValue, func(_ *repository.Model, v repository.Snapshot) float64 { return microseconds(v.Queue) }),
	newMetric("nv_inference_compute_input_duration_us", "Time in which batches were put together, in all and for each request, in microseconds", prometheus.CounterValue, func(_ *repository.Model, v repository.Snapshot) float64 { return microseconds(v.Input) }),
	newMetric("nv_inference_compute_infer_duration_us", "Time in which graphs ran, in all and for each request, in microseconds", prometheus.CounterValue, func(_ *repository.Model, v repository.Snapshot) float64 { return microseconds(v.Infer) }),
	newMetric("nv_inference_compute_output_duration_us", "Time in which results were handed out, in all and for each request, in microseconds", prometheus.CounterValue, func(_ *repository.Model, v repository.Snapshot) float64 { return microseconds(v.Output) }),
	newMetric("nv_inference_pending_request_count", "Number of requests under way", prometheus.GaugeValue, func(_ *repository.Model, v repository.Snapshot) float64 { return float64(v.Pending) }),
	newMetric("catvae_waiting_rows", "Number of rows in the queue", prometheus.GaugeValue, func(m *repository.Model, _ repository.Snapshot) float64 { return float64(m.Waiting()) }),
}

// collector tells what the repository's models did.
type collector struct{ of *repository.Repository }

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range metrics {
		to <- m.desc
	}
	to <- failures
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	c.of.Each(func(m *repository.Model) {
		v := m.Stats.Read()
		for _, row := range metrics {
			to <- prometheus.MustNewConstMetric(row.desc, row.kind, row.value(m, v), m.Name, m.Version)
		}
		for _, why := range repository.Reasons() {
			to <- prometheus.MustNewConstMetric(failures, prometheus.CounterValue, float64(v.Failed[why].Count), m.Name, m.Version, why.String())
		}
	})
}

// measure registers all metrics: the models', the process's and Go's.
func (s *Server) measure() {
	s.registry.MustRegister(collector{s.o.Repository}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "catvae_requests", Help: "Number of requests under way that carry rows"}, func() float64 { return float64(len(s.slots)) }))
}

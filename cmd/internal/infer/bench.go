package infer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// A Measurement is what [Bench] measured, in the words of onnxruntime_perf_test: a request is one run of the graphs on a
// batch, by one of the callers. Percentiles are sorted[floor(n·p)].
type Measurement struct {
	Backend  string `json:"backend"`
	Variant  string `json:"variant"`
	Mode     Mode   `json:"mode"`
	Source   string `json:"source"` // "random rows", or what was read
	Batch    int    `json:"batch_size"`
	Callers  int    `json:"callers"`
	Requests int    `json:"requests"`
	Rows     int    `json:"rows"`

	SessionCreation float64 `json:"session_creation_seconds"`
	FirstInference  float64 `json:"first_inference_seconds"`
	Total           float64 `json:"total_seconds"` // wall-clock time without the warm-up

	Average           float64            `json:"average_latency_seconds"`
	Least             float64            `json:"min_latency_seconds"`
	Most              float64            `json:"max_latency_seconds"`
	Percentiles       map[string]float64 `json:"latency_seconds"` // P50, P90, P95, P99, P999
	RequestsPerSecond float64            `json:"requests_per_second"`
	RowsPerSecond     float64            `json:"rows_per_second"`
	// Busy is how much of its goroutines' time each stage worked: 1 means that it never waited.
	Busy map[string]float64 `json:"busy"`
}

// Bench measures a job without writing: on random rows for some time, or over the job's source once. It ignores the
// job's output.
func Bench(ctx context.Context, job Job, b backend.Backend, d time.Duration) (m Measurement, err error) {
	random := job.In == ""
	if random {
		job.In = "random rows"
	}
	job.Out = "nothing"
	if job, err = job.Normal(); err != nil {
		return m, err
	}
	job.Model = rundir.BundleOf(job.Model)
	p := &Plan{Job: job}
	if p.bundle, err = bundle.Open(job.Model); err != nil {
		return m, err
	}
	if p.out, err = newOutput(job, p.bundle.Manifest); err != nil {
		return m, err
	}
	rows := sources{bytes: randomBytes(p.inputBytes(), p.inputValues(), d)}
	if random {
		p.Source = dataset.Info{Source: job.In, DType: "uint8"}
	} else {
		var in *input
		if in, err = p.openSource(ctx); err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, in.reader.Close()) }()
		if err = p.fit(in.reader.Info()); err == nil {
			rows = p.sources(in.reader)
		}
	}
	if err != nil {
		return m, err
	}
	p.ChooseVariant(backend.DeviceOf(b))
	return p.measure(ctx, b, rows)
}

// inputBytes is the size of a row of bytes that the job takes.
func (p *Plan) inputBytes() int {
	if p.out.takesCodes {
		return p.bundle.Manifest.Latent.PackedBytes()
	}
	return p.bundle.Manifest.Input.RowSize()
}

// measure runs the job's task on rows, after one run that is not counted.
func (p *Plan) measure(ctx context.Context, backend backend.Backend, rows sources) (m Measurement, err error) {
	began := time.Now()
	w, err := OpenWorker(ctx, p, backend)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if p.Job.Batch == 0 {
		p.Job.Batch = runtime.BatchOf(p.inputBytes()+p.out.rowBytes(), max(p.Job.Callers, 1))
	}
	m = Measurement{Backend: backend.Name(), Variant: p.Job.Variant, Mode: p.Job.Mode, Source: p.Source.Source, Batch: p.Job.Batch, Callers: p.Job.Callers}
	o := runtime.StreamOptions{Batch: p.Job.Batch, Callers: p.Job.Callers}
	drop := func(results, []error) error { return nil }

	once := o
	once.Rows, once.Callers = o.Batch, 1
	once.Observe = func(stage runtime.Stage, rows int, took time.Duration) {
		if stage == runtime.StageRun {
			m.FirstInference = took.Seconds()
		}
	}
	if _, err := w.stream(ctx, sources{bytes: randomBytes(p.inputBytes(), p.inputValues(), time.Hour)}, once, drop); err != nil {
		return m, err
	}
	m.SessionCreation = time.Since(began).Seconds() - m.FirstInference

	var t timings
	o.Observe = t.observe
	began = time.Now()
	if m.Rows, err = w.stream(ctx, rows, o, drop); err != nil {
		return m, err
	}
	m.Total = time.Since(began).Seconds()
	t.fill(&m)
	return m, nil
}

// timings collects what a stream's stages took.
type timings struct {
	mu   sync.Mutex
	runs []time.Duration
	busy [runtime.StageWrite + 1]time.Duration
}

func (t *timings) observe(stage runtime.Stage, rows int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy[stage] += took
	if stage == runtime.StageRun {
		t.runs = append(t.runs, took)
	}
}

func (t *timings) fill(m *Measurement) {
	slices.Sort(t.runs)
	m.Requests = len(t.runs)
	m.Percentiles, m.Busy = map[string]float64{}, map[string]float64{}
	if m.Requests == 0 {
		return
	}
	for name, p := range map[string]float64{"P50": 0.5, "P90": 0.9, "P95": 0.95, "P99": 0.99, "P999": 0.999} {
		m.Percentiles[name] = t.runs[int(p*float64(m.Requests))].Seconds()
	}
	m.Least, m.Most = t.runs[0].Seconds(), t.runs[m.Requests-1].Seconds()
	m.Average = t.busy[runtime.StageRun].Seconds() / float64(m.Requests)
	m.RequestsPerSecond, m.RowsPerSecond = float64(m.Requests)/m.Total, float64(m.Rows)/m.Total
	for stage, busy := range t.busy {
		goroutines := 1
		if s := runtime.Stage(stage); s == runtime.StageDecode || s == runtime.StageRun {
			goroutines = m.Callers
		}
		m.Busy[runtime.Stage(stage).String()] = busy.Seconds() / m.Total / float64(goroutines)
	}
}

// WriteText writes the measurement as onnxruntime_perf_test prints its own, followed by figures for rows.
func (m Measurement) WriteText(w io.Writer) error {
	out := fmt.Sprintf("Session creation time cost: %.6f s\nFirst inference time cost: %.3f ms\n", m.SessionCreation, 1000*m.FirstInference)
	out += fmt.Sprintf("Total inference time cost: %.6f s\nTotal inference requests: %d\n", m.Average*float64(m.Requests), m.Requests)
	out += fmt.Sprintf("Average inference time cost: %.6f ms\nTotal inference run time: %.6f s\n", 1000*m.Average, m.Total)
	out += fmt.Sprintf("Number of inferences per second: %.2f\nRuns: %d\nMin Latency: %.6f s\nMax Latency: %.6f s\n", m.RequestsPerSecond, m.Requests, m.Least, m.Most)
	for _, name := range []string{"P50", "P90", "P95", "P99", "P999"} {
		out += fmt.Sprintf("%s Latency: %.6f s\n", name, m.Percentiles[name])
	}
	out += fmt.Sprintf("Rows per second: %.0f\nBatch size: %d\nCallers: %d\nBusy:", m.RowsPerSecond, m.Batch, m.Callers)
	for stage := runtime.StageRead; stage <= runtime.StageWrite; stage++ {
		out += fmt.Sprintf(" %s %.1f %%", stage, 100*m.Busy[stage.String()])
	}
	_, err := fmt.Fprintf(w, "%s\n%s of %s, %s on %s\n", out, m.Mode, m.Source, m.Variant, m.Backend)
	return err
}

// inputValues is how many bytes, from 0 on, a row of bytes may hold.
func (p *Plan) inputValues() int {
	n, v := 256, p.bundle.Manifest.Input.Values()
	for !p.out.takesCodes && n > 1 && !v.Contains(v.Byte(byte(n-1))) {
		n--
	}
	return n
}

// randomBytes is a source of rows of size random bytes below some number, for some time after the first read. It leaves memory that it
// has filled once as it is, as onnxruntime_perf_test leaves its inputs: the graph is measured, not copying.
func randomBytes(size, below int, d time.Duration) runtime.Source[byte] {
	drawn := make([]byte, max(4<<20, size))
	_, _ = rand.NewChaCha8([32]byte{}).Read(drawn) // never fails
	for i, b := range drawn {
		drawn[i] = byte(int(b) % below)
	}
	var until time.Time
	at, filled := 0, map[*byte]int{}
	return func(dst []byte) (int, func() ([]error, error), error) {
		if now := time.Now(); until.IsZero() {
			until = now.Add(d)
		} else if now.After(until) {
			return 0, nil, io.EOF
		}
		for n := filled[&dst[0]]; n < len(dst); filled[&dst[0]] = n {
			k := copy(dst[n:], drawn[at:])
			n, at = n+k, (at+k)%len(drawn)
		}
		return len(dst) / size, nil, nil
	}
}

package serve

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// While nothing can run, requests wait until their time is over (504), the queue is full for others (429), and a client that goes away takes
// its rows with it.
func TestQueue(t *testing.T) {
	slots := batcher.NewSlots(1)
	s := start(t, tiny(t), func(o *Options, r *repository.Options) {
		o.Timeout, r.Slots, r.QueueRows = time.Second, slots, 10
	})
	slots <- struct{}{}
	headers, body := binaryRequest(randomRows(6), "UINT8", 1)
	waiting := func() (n int) {
		s.repo.Each(func(m *repository.Model) { n += m.Waiting() })
		return n
	}
	until := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); waiting() != n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d rows wait, not %d", waiting(), n)
			}
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		r, _ := http.NewRequestWithContext(ctx, "POST", s.url+"/v2/models/m/infer", bytes.NewReader(body))
		r.Header.Set(headerLength, headers[headerLength])
		if response, err := http.DefaultClient.Do(r); err == nil {
			response.Body.Close()
			t.Errorf("a request that left was answered: %s", response.Status)
		}
	})
	until(6)
	code, h, got := do(t, "POST", s.url+"/v2/models/m/infer", headers, bytes.NewReader(body))
	if code != 429 || h.Get("Retry-After") != "1" {
		t.Errorf("a full queue: %d, %s", code, got)
	}
	leave()
	wg.Wait()
	until(0)
	if code, _, got = do(t, "POST", s.url+"/v2/models/m/infer", headers, bytes.NewReader(body)); code != 504 {
		t.Errorf("no time left: %d, %s", code, got)
	}
	until(0)
	<-slots
	if code, _, got = do(t, "POST", s.url+"/v2/models/m/infer", headers, bytes.NewReader(body)); code != 200 {
		t.Errorf("afterwards: %d, %s", code, got)
	}
	_, _, got = do(t, "GET", s.url+"/metrics", nil, nil)
	for _, want := range []string{
		`nv_inference_request_failure{model="m",reason="REJECTED",version="1"} 1`, `nv_inference_request_failure{model="m",reason="CANCELED",version="1"} 2`,
		`nv_inference_request_success{model="m",version="1"} 1`, `nv_inference_count{model="m",version="1"} 6`, `nv_inference_exec_count{model="m",version="1"} 1`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("metrics have no %s", want)
		}
	}
}

// A request has a span with what became of it, in the trace that its header names.
func TestTraces(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	traces, err := newTraces(t.Context(), trace.WithSyncer(spans), "test")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, tiny(t), func(o *Options, _ *repository.Options) { o.Traces = traces })
	headers, body := binaryRequest(randomRows(3), "UINT8", 1)
	headers["Traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if code, _, got := do(t, "POST", s.url+"/v2/models/m/infer", headers, bytes.NewReader(body)); code != 200 {
		t.Fatalf("%d, %s", code, got)
	}
	list := spans.GetSpans()
	if len(list) != 1 || list[0].Name != "infer m" || list[0].SpanContext.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || len(list[0].Events) != 2 {
		t.Errorf("%+v", list)
	}
}

// Traces are off unless a variable asks for them, and what is not there is refused.
func TestOpenTraces(t *testing.T) {
	for _, c := range []struct {
		variables string
		on        bool
		want      string
	}{
		{"", false, ""}, {"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", true, ""}, {"OTEL_TRACES_EXPORTER=otlp", true, ""}, {"OTEL_TRACES_EXPORTER=none OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", false, ""},
		{"OTEL_SDK_DISABLED=true OTEL_TRACES_EXPORTER=otlp", false, ""}, {"OTEL_TRACES_EXPORTER=zipkin", false, "zipkin"}, {"OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=grpc", false, "http/protobuf"},
	} {
		t.Run(c.variables, func(t *testing.T) {
			for _, name := range []string{"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
				t.Setenv(name, "")
			}
			for v := range strings.FieldsSeq(c.variables) {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value)
			}
			traces, err := OpenTraces(t.Context(), "test")
			if (traces != nil) != c.on || (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v", traces != nil, err)
			}
			if err := traces.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// ErrTraces is wrapped by the error for OTEL_ variables that ask for what is not there.
var ErrTraces = errors.New("traces")

// Traces are OpenTelemetry's: a span for each request that a model answers.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	follow   propagation.TextMapPropagator
}

// OpenTraces returns traces as the standard variables ask for them, or nil where none does. They are sent by OTLP over HTTP.
func OpenTraces(ctx context.Context, version string) (*Traces, error) {
	exporter := os.Getenv("OTEL_TRACES_EXPORTER")
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	switch {
	case strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && endpoint == "":
		return nil, nil
	case exporter != "" && exporter != "otlp":
		return nil, fmt.Errorf("%w: OTEL_TRACES_EXPORTER=%s: use otlp or none", ErrTraces, exporter)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := os.Getenv(name); p != "" && p != "http/protobuf" {
			return nil, fmt.Errorf("%w: %s=%s: use http/protobuf", ErrTraces, name, p)
		}
	}
	out, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTraces, err)
	}
	return newTraces(ctx, sdktrace.WithBatcher(out), version)
}

func newTraces(ctx context.Context, out sdktrace.TracerProviderOption, version string) (*Traces, error) {
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "catvae"), attribute.String("service.version", version)), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTraces, err)
	}
	p := sdktrace.NewTracerProvider(out, sdktrace.WithResource(about))
	return &Traces{provider: p, tracer: p.Tracer("github.com/catvae/catvae/cmd/internal/serve"), follow: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})}, nil
}

// Close sends what was not sent yet.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// headersToFollow are what [propagation] reads.
type headersToFollow struct{ carrier }

func (headersToFollow) Set(string, string) {}
func (headersToFollow) Keys() []string     { return nil }

// begin begins the span of a request, within the trace that its headers name, and returns what ends it.
func (t *Traces) begin(ctx context.Context, from carrier, m *repository.Model, r *oip.Request) (context.Context, func(batcher.Result, error)) {
	ctx = t.follow.Extract(ctx, headersToFollow{from})
	began := time.Now()
	rows := int64(0)
	if len(r.Inputs) > 0 && len(r.Inputs[0].Shape) > 0 {
		rows = r.Inputs[0].Shape[0]
	}
	ctx, span := t.tracer.Start(ctx, "infer "+m.Name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(began), trace.WithAttributes(
		attribute.String("catvae.model", m.Name), attribute.String("catvae.version", m.Version), attribute.String("catvae.hash", m.Bundle().Hash), attribute.Int64("catvae.rows", rows)))
	return ctx, func(result batcher.Result, err error) {
		defer span.End()
		if err != nil {
			span.SetStatus(codes.Error, told(err))
			return
		}
		span.SetAttributes(attribute.Int("catvae.batch_rows", result.Batch))
		span.AddEvent("queued", trace.WithAttributes(attribute.Int64("us", result.Queued.Microseconds())))
		span.AddEvent("computed", trace.WithAttributes(attribute.Int64("us", result.Took.Microseconds())))
	}
}

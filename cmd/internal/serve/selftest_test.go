package serve

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// A bundle that fails its self-test is not served; one without is, and the log says so.
func TestSelfTest(t *testing.T) {
	dir, failure := tiny(t), errors.New("other codes than before")
	for name, c := range map[string]struct {
		result error
		served bool
		log    string
	}{
		"passed": {nil, true, "self-test passed"}, "none": {bundle.ErrNoSelfTest, true, "served untested"}, "failed": {failure, false, "cannot be loaded"},
	} {
		var log strings.Builder
		r := repository.New(repository.Options{Bundles: map[string]string{"m": dir}, Versions: 1, MaxRows: 10, MaxBatch: 4, QueueRows: 10, Slots: batcher.NewSlots(1),
			Open: []runtime.Option{runtime.WithBackend(ortest.Backend(t))}, Log: slog.New(slog.NewTextHandler(&log, nil)),
			SelfTest: func(context.Context, string, *runtime.Model) error { return c.result }})
		err := r.Sync(t.Context())
		m, missing := r.Acquire("m", "")
		if missing == nil {
			m.Release()
		}
		if (missing == nil) != c.served || (err == nil) != c.served || !strings.Contains(log.String(), c.log) {
			t.Errorf("%s: %v, %v, log: %s", name, err, missing, log.String())
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

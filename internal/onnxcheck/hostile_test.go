package onnxcheck_test

import (
	"errors"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/visible/visibletest"
)

// Every hostile model is refused in one short line, for less memory than a picture viewer takes. Times are logged:
// BenchmarkRefuse measures them.
func TestHostile(t *testing.T) {
	const most = 100 << 20
	if err := onnxcheck.Check(onnxtest.Good()); err != nil { // and what is made once is made now
		t.Fatalf("a good model is refused: %v", err)
	}
	models := onnxtest.Hostile()
	for _, name := range slices.Sorted(maps.Keys(models)) {
		data := models[name]()
		took, allocated := time.Duration(math.MaxInt64), uint64(math.MaxUint64)
		var err error
		for range 3 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			err = onnxcheck.Check(data)
			took = min(took, time.Since(start))
			runtime.ReadMemStats(&after)
			allocated = min(allocated, after.TotalAlloc-before.TotalAlloc)
		}
		if !errors.Is(err, onnxcheck.ErrUnsafe) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 2000 {
			t.Errorf("%s: the error is %.3000v, want one short line of ErrUnsafe", name, err)
			continue
		}
		if allocated > most {
			t.Errorf("%s: %d bytes are allocated for a model of %d, at most %d are wanted", name, allocated, len(data), most)
		}
		t.Logf("%-55s %9d bytes, %8v, %9d allocated: %.150v", name, len(data), took.Round(time.Microsecond), allocated, err)
	}
}

func BenchmarkRefuse(b *testing.B) {
	models := onnxtest.Hostile()
	for _, name := range slices.Sorted(maps.Keys(models)) {
		b.Run(name, func(b *testing.B) {
			data := models[name]()
			b.ReportAllocs()
			for b.Loop() {
				if err := onnxcheck.Check(data); err == nil {
					b.Fatal("the model is taken")
				}
			}
		})
	}
}

// FuzzCheck wants a refusal that says so, and memory in proportion to the bytes; what is taken can be described.
func FuzzCheck(f *testing.F) {
	onnxtest.Seed(f, 1<<16)
	onnxtest.SeedNamed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := onnxcheck.Check(data)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<26+64*len(data)); got > most {
			t.Errorf("%d bytes are allocated for a model of %d, at most %d are wanted", got, len(data), most)
		}
		if err == nil {
			_, err = onnxcheck.Describe(data)
			if err != nil {
				t.Errorf("what is taken cannot be described: %v", err)
			}
			return
		}
		if unseen := visibletest.Check(err); !errors.Is(err, onnxcheck.ErrUnsafe) || unseen != nil {
			t.Errorf("the error is %.3000q, want one short visible line of ErrUnsafe: %v", err, unseen)
		}
	})
}

package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// pixels are n rows of 6 bytes.
func pixels(n int) []byte {
	out := make([]byte, n*6)
	for i := range out {
		out[i] = byte(i/6*37 + i%6*51)
	}
	return out
}

func grey(rows []byte) []float32 {
	out := make([]float32, len(rows))
	for i, b := range rows {
		out[i] = float32(b) / 255
	}
	return out
}

// sourceOf streams rows of some width. late says that rows are put in place by decode only.
func sourceOf[T runtime.Value](rows []T, width int, late bool) runtime.Source[T] {
	return func(dst []T) (int, func() ([]error, error), error) {
		if len(rows) == 0 {
			return 0, nil, io.EOF
		}
		next := rows[:min(len(dst), len(rows))]
		rows = rows[len(next):]
		if !late {
			return copy(dst, next) / width, nil, nil
		}
		return len(next) / width, func() ([]error, error) { copy(dst, next); return nil, nil }, nil
	}
}

func collect[T, U runtime.Value](t *testing.T, task runtime.Task[T, U], source runtime.Source[T], o runtime.StreamOptions) (values []U) {
	t.Helper()
	next := o.First
	n, err := runtime.Stream(t.Context(), task, source, o, func(r runtime.Results[U]) error {
		if r.First != next || len(r.Bad) > 0 {
			t.Errorf("%+v: row %d follows row %d; bad rows: %v", o, r.First, next, r.Bad)
		}
		next += r.Rows
		values = append(values, r.Values...)
		return nil
	})
	if err != nil || o.First+n != next {
		t.Fatalf("%+v: %d rows, %v", o, n, err)
	}
	return values
}

// Every task gives what the model's method gives, however the rows are cut and by however many callers, in order.
func TestStreamCuts(t *testing.T) {
	ctx := context.Background()
	const n = 103
	for name, m := range map[string]*runtime.Model{
		"bernoulli": open(t, dist.Bernoulli, 11, 0), "categorical": open(t, dist.Categorical, 3, 5),
	} {
		bytes := pixels(n)
		floats := grey(bytes)
		packed, err1 := m.Encode(ctx, nil, floats)
		logits, err2 := m.Logits(ctx, nil, floats)
		whole, err3 := m.Reconstruct(ctx, nil, floats)
		scores, err4 := m.Score(ctx, nil, floats)
		direct, err5 := m.EncodeBytes(ctx, []byte{9}, bytes)
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
		if direct[0] != 9 || !slices.Equal(direct[1:], packed) {
			t.Errorf("%s: bytes give other codes than floats, or are not appended", name)
		}
		for _, batch := range []int{1, 2, 7, 16, 103, 1000} {
			for _, callers := range []int{1, 2, 5} {
				o := runtime.StreamOptions{Batch: batch, Callers: callers, First: 40}
				late := callers == 2
				if got := collect(t, runtime.PackedCodes[byte](m), sourceOf(bytes, 6, late), o); !slices.Equal(got, packed) {
					t.Errorf("%s: %+v: other codes of bytes", name, o)
				}
				if got := collect(t, runtime.PackedCodes[float32](m), sourceOf(floats, 6, late), o); !slices.Equal(got, packed) {
					t.Errorf("%s: %+v: other codes of floats", name, o)
				}
				if got := collect(t, runtime.LatentLogits[byte](m), sourceOf(bytes, 6, late), o); !close(got, logits) {
					t.Errorf("%s: %+v: other logits", name, o)
				}
				if got := collect(t, runtime.Reconstructions[float32](m), sourceOf(floats, 6, late), o); !close(got, whole) {
					t.Errorf("%s: %+v: other reconstructions", name, o)
				}
				if got := collect(t, runtime.Scores[byte](m), sourceOf(bytes, 6, late), o); !close(got, scores) {
					t.Errorf("%s: %+v: other scores", name, o)
				}
				if got := collect(t, runtime.DecodedCodes(m), sourceOf(packed, m.Manifest().Latent.PackedBytes(), late), o); !close(got, whole) {
					t.Errorf("%s: %+v: other reconstructions of codes", name, o)
				}
			}
		}
	}
}

func close(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) <= 1e-5*max(1, math.Abs(float64(y))) })
}

// Floats do not depend on the cut to the last bit, so that a logit beside its threshold cannot fall the other way. The
// encoder is wide enough for onnxruntime's own kernels to take their different ways.
func TestStreamBits(t *testing.T) {
	m := wide(t)
	size := m.Manifest().Input.RowSize()
	rows := make([]byte, 67*size)
	for i := range rows {
		rows[i] = byte(i * i >> 3)
	}
	want := collect(t, runtime.LatentLogits[byte](m), sourceOf(rows, size, false), runtime.StreamOptions{Batch: 67})
	for _, batch := range []int{1, 2, 3, 5, 13, 16, 17, 31, 64, 512} {
		if got := collect(t, runtime.LatentLogits[byte](m), sourceOf(rows, size, false), runtime.StreamOptions{Batch: batch}); !slices.Equal(got, want) {
			t.Errorf("batches of %d rows give other logits", batch)
		}
	}
	for _, batch := range []int{1, 512} { // one row alone
		got := collect(t, runtime.LatentLogits[byte](m), sourceOf(rows[:size], size, false), runtime.StreamOptions{Batch: batch})
		if !slices.Equal(got, want[:len(got)]) {
			t.Errorf("a row alone in batches of %d has other logits", batch)
		}
	}
}

// Rows limits a stream, and leaves the rest to the next one.
func TestStreamRows(t *testing.T) {
	m := open(t, dist.Bernoulli, 11, 0)
	bytes := pixels(50)
	whole := collect(t, runtime.PackedCodes[byte](m), sourceOf(bytes, 6, false), runtime.StreamOptions{})
	source := sourceOf(bytes, 6, false)
	var codes []byte
	for first := 0; first < 50; first += 20 {
		codes = append(codes, collect(t, runtime.PackedCodes[byte](m), source, runtime.StreamOptions{Batch: 8, First: first, Rows: 20})...)
	}
	if !slices.Equal(codes, whole) {
		t.Error("a source in three streams gives other codes")
	}
}

type badPixel int

func (e badPixel) Error() string { return fmt.Sprintf("row %d is broken", int(e)) }
func (e badPixel) BadRow() int   { return int(e) }

// Bad rows are zeros and are named, in order, whoever finds them: the source, or the stream, which takes no value outside
// [0,1].
func TestStreamBadRows(t *testing.T) {
	m := open(t, dist.Bernoulli, 11, 0)
	const n = 60
	floats := grey(pixels(n))
	good := collect(t, runtime.PackedCodes[float32](m), sourceOf(floats, 6, false), runtime.StreamOptions{})
	width := m.Manifest().Latent.PackedBytes()
	isBad := map[int]bool{3: true, 4: true, 17: true, 30: true, 59: true}
	for row, x := range map[int]float32{4: float32(math.NaN()), 30: 1.001, 59: -1} {
		floats[row*6+row%6] = x
	}
	inner := sourceOf(floats, 6, false)
	next := 100
	source := func(dst []float32) (int, func() ([]error, error), error) {
		rows, _, err := inner(dst)
		first := next
		next += rows
		return rows, func() (bad []error, _ error) {
			for _, row := range []int{103, 117} {
				if i := row - first; i >= 0 && i < rows {
					clear(dst[i*6:][:6])
					bad = append(bad, badPixel(row))
				}
			}
			return bad, nil
		}, err
	}
	var codes []byte
	var bad []int
	_, err := runtime.Stream(t.Context(), runtime.PackedCodes[float32](m), source, runtime.StreamOptions{Batch: 7, Callers: 3, First: 100}, func(r runtime.Results[byte]) error {
		codes = append(codes, r.Values...)
		for _, err := range r.Bad {
			bad = append(bad, err.(runtime.BadRowError).BadRow()-100)
		}
		return nil
	})
	if err != nil || !slices.Equal(bad, []int{3, 4, 17, 30, 59}) {
		t.Fatalf("bad rows %v, %v", bad, err)
	}
	for row := range n {
		want := good[row*width:][:width]
		if isBad[row] {
			want = make([]byte, width)
		}
		if !slices.Equal(codes[row*width:][:width], want) {
			t.Errorf("row %d is %x, want %x", row, codes[row*width:][:width], want)
		}
	}
}

// The first error of reading, decoding, writing or the context ends a stream, and nothing hangs.
func TestStreamEnds(t *testing.T) {
	m := open(t, dist.Bernoulli, 11, 0)
	task := runtime.PackedCodes[byte](m)
	keep := func(runtime.Results[byte]) error { return nil }
	boom := errors.New("boom")
	failing := func(late bool) runtime.Source[byte] {
		at := 0
		return func(dst []byte) (int, func() ([]error, error), error) {
			if at++; at < 50 {
				return len(dst) / 6, nil, nil
			}
			if late {
				return len(dst) / 6, func() ([]error, error) { return nil, boom }, nil
			}
			return 0, nil, boom
		}
	}
	o := runtime.StreamOptions{Batch: 8, Callers: 3}
	for _, late := range []bool{false, true} {
		if _, err := runtime.Stream(context.Background(), task, failing(late), o, keep); !errors.Is(err, boom) {
			t.Errorf("a source's error (in decode: %v): %v", late, err)
		}
	}
	rows := pixels(100_000)
	n, err := runtime.Stream(context.Background(), task, sourceOf(rows, 6, false), o, func(r runtime.Results[byte]) error {
		if r.First >= 80 {
			return boom
		}
		return nil
	})
	if !errors.Is(err, boom) || n != 80 {
		t.Errorf("a writer's error: %v after %d rows", err, n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := runtime.Stream(ctx, task, sourceOf(rows, 6, false), o, func(r runtime.Results[byte]) error {
		if r.First == 160 {
			cancel()
		}
		return nil
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context: %v", err)
	}
	for _, o := range []runtime.StreamOptions{{Batch: -1}, {Callers: -1}, {Rows: -1}} {
		if _, err := runtime.Stream(context.Background(), task, sourceOf(rows, 6, false), o, keep); !errors.Is(err, runtime.ErrInput) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.Stream(context.Background(), task, sourceOf(rows, 6, false), o, keep); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("a closed model: %v", err)
	}
}

// Observe is told of every row at every stage.
func TestStreamObserve(t *testing.T) {
	m := open(t, dist.Bernoulli, 11, 0)
	var mu sync.Mutex
	rows := map[runtime.Stage]int{}
	collect(t, runtime.PackedCodes[byte](m), sourceOf(pixels(100), 6, true), runtime.StreamOptions{Batch: 7, Observe: func(s runtime.Stage, n int, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		rows[s] += n
		if took < 0 {
			t.Errorf("%s took %v", s, took)
		}
	}})
	for _, s := range []runtime.Stage{runtime.StageRead, runtime.StageDecode, runtime.StageRun, runtime.StageWrite} {
		if rows[s] != 100 {
			t.Errorf("%s saw %d rows of 100", s, rows[s])
		}
	}
}

// plain hides that a backend's graphs can be bound.
type plain struct{ backend.Backend }
type plainGraph struct{ backend.Graph }

func (p plain) Load(ctx context.Context, model backend.Checked, label string) (backend.Graph, error) {
	g, err := p.Backend.Load(ctx, model, label)
	return plainGraph{g}, err
}

// A backend whose graphs cannot be bound gives the same.
func TestStreamUnbound(t *testing.T) {
	dir := export(t, dist.Bernoulli, 11, 0)
	var all [][]byte
	for _, on := range []backend.Backend{ortest.Backend(t), plain{ortest.Backend(t)}} {
		m, err := runtime.Open(t.Context(), dir, runtime.WithBackend(on))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, collect(t, runtime.PackedCodes[byte](m), sourceOf(pixels(50), 6, false), runtime.StreamOptions{Batch: 7}))
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(all[0], all[1]) {
		t.Error("codes differ")
	}
}

// Batches shrink where rows are large, and are never empty.
func TestBatchOf(t *testing.T) {
	for _, c := range []struct{ rowBytes, callers, want int }{{809, 2, 512}, {1 << 20, 2, 12}, {1 << 30, 8, 1}, {0, 1, 512}} {
		if got := runtime.BatchOf(c.rowBytes, c.callers); got != c.want {
			t.Errorf("%d bytes a row, %d callers: %d rows, want %d", c.rowBytes, c.callers, got, c.want)
		}
	}
}

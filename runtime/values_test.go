package runtime_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// What bytes become and which values rows may hold follow from the manifest's one rule, whichever way rows come in.
func TestValues(t *testing.T) {
	t.Parallel()
	dir := export(t, dist.Bernoulli, 11, 0)
	for name, change := range map[string]func(in *bundle.Input){
		"within [0,1]":       func(in *bundle.Input) {},
		"within [-1,1]":      func(in *bundle.Input) { in.Range = [2]float64{-1, 1} },
		"centred":            func(in *bundle.Input) { in.Mean, in.Deviation, in.Range = 0.5, 0.5, [2]float64{-1, 1} },
		"standardised":       func(in *bundle.Input) { in.Mean, in.Deviation, in.Range = 0.1307, 0.3081, [2]float64{-0.5, 3} },
		"of another divisor": func(in *bundle.Input) { in.Scale, in.Mean, in.Range = 2.0/255, 1, [2]float64{-1, 1.5} },
	} {
		t.Run(name, func(t *testing.T) {
			m, graphs := graphsOf(t, dir)
			change(&m.Input)
			model, err := runtime.New(t.Context(), m, graphs, runtime.WithBackend(ortest.Backend(t)))
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			ctx, bytes := t.Context(), pixels(103)
			floats := make([]float32, len(bytes))
			for i, b := range bytes {
				floats[i] = m.Input.Values().Byte(b)
			}
			codes, err1 := model.Encode(ctx, nil, floats)
			direct, err2 := model.EncodeBytes(ctx, nil, bytes)
			scores, err3 := model.Score(ctx, nil, floats)
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Fatal(err)
			}
			o := runtime.StreamOptions{Batch: 16, Callers: 2}
			for way, got := range map[string][]byte{
				"EncodeBytes": direct, "a stream of floats": collect(t, runtime.PackedCodes[float32](model), sourceOf(floats, 6, false), o),
				"a stream of bytes": collect(t, runtime.PackedCodes[byte](model), sourceOf(bytes, 6, false), o),
			} {
				if !slices.Equal(got, codes) {
					t.Errorf("%s gives other codes than Encode", way)
				}
			}
			for way, got := range map[string][]float32{
				"floats": collect(t, runtime.Scores[float32](model), sourceOf(floats, 6, false), o),
				"bytes":  collect(t, runtime.Scores[byte](model), sourceOf(bytes, 6, true), o),
			} {
				if !close(got, scores) {
					t.Errorf("a stream of %s gives other scores than Score", way)
				}
			}
			for _, x := range []float32{-0.5, 0.5, -1.25, 1.25, 3.5, float32(math.NaN())} {
				testValue(t, model, x)
			}
		})
	}
}

// testValue gives a row with one odd value to Encode, Score and a stream: all take it, or all refuse it in the same words.
func testValue(t *testing.T, m *runtime.Model, x float32) {
	t.Helper()
	row := slices.Repeat([]float32{0.25}, 6)
	row[4] = x
	_, encoded := m.Encode(t.Context(), nil, row)
	_, scored := m.Score(t.Context(), nil, row)
	var streamed error
	_, err := runtime.Stream(t.Context(), runtime.PackedCodes[float32](m), sourceOf(slices.Clone(row), 6, false), runtime.StreamOptions{}, func(r runtime.Results[byte]) error {
		streamed = errors.Join(r.Bad...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	good := m.Manifest().Input.Values().Contains(x)
	for way, err := range map[string]error{"Encode": encoded, "Score": scored, "Stream": streamed} {
		if good != (err == nil) || !good && (!errors.Is(err, runtime.ErrInput) || !strings.Contains(err.Error(), "row 0, column 4") || err.Error() != streamed.Error()) {
			t.Errorf("%s of %g, which is good: %t, gives %v", way, x, good, err)
		}
	}
}

// Bytes that the rule puts out of range are bad, one by one and in a stream, as the floats are that they become; a bound that
// float32 rounds is within the range.
func TestBytesOutOfRange(t *testing.T) {
	t.Parallel()
	m, graphs := graphsOf(t, export(t, dist.Bernoulli, 11, 0))
	m.Input.Scale, m.Input.Range = 1.0/16, [2]float64{0, 0.1}
	model, err := runtime.New(t.Context(), m, graphs, runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if _, err := model.Encode(t.Context(), nil, slices.Repeat([]float32{0.1}, 6)); err != nil {
		t.Errorf("the end of the range is refused: %v", err)
	}
	rows := []byte{0, 1, 0, 1, 0, 1, 0, 1, 200, 1, 0, 1}
	_, direct := model.EncodeBytes(t.Context(), nil, rows)
	var streamed []error
	_, err = runtime.Stream(t.Context(), runtime.PackedCodes[byte](model), sourceOf(slices.Clone(rows), 6, false), runtime.StreamOptions{}, func(r runtime.Results[byte]) error {
		streamed = append(streamed, r.Bad...)
		return nil
	})
	if err != nil || len(streamed) != 1 {
		t.Fatalf("a stream finds the bad rows %v, %v: want row 1", streamed, err)
	}
	for way, err := range map[string]error{"EncodeBytes": direct, "a stream": streamed[0]} {
		if !errors.Is(err, runtime.ErrInput) || !strings.Contains(err.Error(), "row 1, column 2 is 12.5") {
			t.Errorf("%s: %v", way, err)
		}
	}
}

// A pixel in a row of numbers within [0,1] is told what it looks like, by the rule of older bundles and by that of one divisor.
func TestScaleIsNamed(t *testing.T) {
	t.Parallel()
	m, graphs := graphsOf(t, export(t, dist.Bernoulli, 11, 0))
	for _, c := range []struct {
		rule dist.Values
		want string
	}{
		{dist.Unit(), "is 255: values must lie in [0,1]: pixels of 0 to 255 are divided by 255"},
		{dist.Unit().Alike(255, true), "is 255: numbers are divided by 255, and values must lie in [0,1]"},
	} {
		in := bundle.InputOf(c.rule)
		in.Shape, in.Seen = m.Input.Shape, m.Input.Seen
		m.Input = in
		model, err := runtime.New(t.Context(), m, graphs, runtime.WithBackend(ortest.Backend(t)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = model.Encode(t.Context(), nil, []float32{0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0})
		model.Close()
		if !errors.Is(err, runtime.ErrInput) || !strings.Contains(err.Error(), "row 1, column 3 "+c.want) {
			t.Errorf("%v: %v", c.rule, err)
		}
	}
}

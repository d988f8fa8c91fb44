package runtime_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
)

// What gives both outputs of a graph gives what each of the two methods does.
func TestBoth(t *testing.T) {
	ctx, m := context.Background(), open(t, dist.Bernoulli, 11, 0)
	rows := make([]float32, 5*6)
	noise.Stream{Seed: 1}.Uniform(rows, 0, 0)
	logits, err1 := m.Logits(ctx, nil, rows)
	wantCodes, err2 := m.Codes(ctx, nil, rows)
	wantPacked, err3 := m.Threshold(ctx, nil, logits)
	codes, packed, err4 := m.ThresholdBoth(ctx, nil, nil, logits)
	if err := errors.Join(err1, err2, err3, err4); err != nil || !slices.Equal(codes, wantCodes) || !slices.Equal(packed, wantPacked) {
		t.Errorf("threshold: %v", err)
	}
	wantRows, err1 := m.Decode(ctx, nil, codes)
	wantLogits, err2 := m.DecodeLogits(ctx, nil, codes)
	got, gotLogits, err3 := m.DecodeBoth(ctx, nil, nil, codes)
	if err := errors.Join(err1, err2, err3); err != nil || !slices.Equal(got, wantRows) || !slices.Equal(gotLogits, wantLogits) {
		t.Errorf("decoder: %v", err)
	}
}

// What cannot be run is named before it is.
func TestChecks(t *testing.T) {
	m := open(t, dist.Bernoulli, 4, 0)
	nan := float32(math.NaN())
	rows := func(at int, x float32) []float32 {
		list := make([]float32, 12)
		list[at] = x
		return list
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"NaN":         {m.CheckRows(rows(8, nan)), "row 1, column 2"},
		"too large":   {m.CheckRows(rows(1, 2)), "row 0, column 1"},
		"no row":      {m.CheckRows(make([]float32, 7)), "7 values"},
		"no bytes":    {m.CheckBytes(make([]byte, 7)), "7 values"},
		"code":        {m.CheckCodes([]float32{0, 1, 0, 2}), "code 0, number 3"},
		"half a code": {m.CheckCodes(make([]float32, 3)), "3 numbers"},
		"logits":      {m.CheckLogits([]float32{0, 1, 2, 3, 4, nan, 0, 0}), "row 1, column 1"},
		"few logits":  {m.CheckLogits(make([]float32, 3)), "3 logits"},
	} {
		if !errors.Is(c.err, runtime.ErrInput) || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, c.err, c.want)
		}
	}
	if err := errors.Join(m.CheckRows(rows(0, 1)), m.CheckBytes(make([]byte, 6)), m.CheckCodes(make([]float32, 4)), m.CheckLogits(make([]float32, 8))); err != nil {
		t.Error(err)
	}
}

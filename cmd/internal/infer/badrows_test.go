package infer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
)

// Of a thousand rows, one in a hundred broken: every good row has the output it has among good ones, wherever batches are
// cut, every bad one is zeros and is named with its reason.
func TestBadRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	model := writeModel(t, dist.Bernoulli, 11, 0)
	const rows, size = 1000, 6
	values := make([]float32, rows*size)
	noise.Stream{Seed: 3}.Uniform(values, 0, 0)
	good := writeRows(t, filepath.Join(dir, "good.npy"), values, size)
	broken := []float32{float32(math.NaN()), float32(math.Inf(1)), -0.5, 1.5}
	isBad := map[int]bool{}
	for i := range rows / 100 {
		row := i*97 + i%3
		values[row*size+i%size] = broken[i%len(broken)]
		isBad[row] = true
	}
	damaged := writeRows(t, filepath.Join(dir, "damaged.npy"), values, size)

	for _, test := range []struct {
		name, mode, codes string
		batch             int
	}{
		{"packed", "encode", "packed", 7}, {"packed, one batch", "encode", "packed", 4096}, {"index", "encode", "index", 64},
		{"logits", "encode", "logits", 64}, {"scores", "score", "", 10}, {"images", "reconstruct", "", 512},
	} {
		t.Run(test.name, func(t *testing.T) {
			results := func(in string, maxBad float64) ([]byte, string, error) {
				out := filepath.Join(t.TempDir(), "out.npy")
				_, err := run(t, infer.Job{Model: model, In: in, Out: out, Mode: infer.Mode(test.mode), Codes: infer.Codes(test.codes), Batch: test.batch, MaxBad: maxBad, PartRows: 300})
				content, _ := os.ReadFile(out)
				return content, infer.BadFile(out), err
			}
			want, _, err := results(good, 0)
			if err != nil {
				t.Fatal(err)
			}
			got, names, err := results(damaged, 0.01)
			if !errors.Is(err, infer.ErrPart) {
				t.Fatalf("tolerated rows end with %v", err)
			}
			width := (len(want) - 128) / rows // the header has 128 bytes
			for row := range rows {
				a, b := got[128+row*width:][:width], want[128+row*width:][:width]
				if isBad[row] {
					b = make([]byte, width)
				}
				if !bytes.Equal(a, b) {
					t.Fatalf("row %d is %x, want %x", row, a, b)
				}
			}
			checkNames(t, names, isBad)

			left, names, err := results(damaged, 0.009)
			if !errors.Is(err, dataset.ErrData) || left != nil {
				t.Errorf("a row too many ends with %v and leaves %d bytes", err, len(left))
			}
			if _, err := os.Stat(names); err == nil {
				t.Errorf("a row too many leaves %s", names)
			}
		})
	}
}

// checkNames compares the file that names bad rows with what is bad.
func checkNames(t *testing.T, path string, isBad map[int]bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := json.NewDecoder(f); ; n++ {
		var line struct {
			ID     int
			Reason string
		}
		if err := lines.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if !isBad[line.ID] || line.Reason == "" {
			t.Errorf("row %d is named, for %q", line.ID, line.Reason)
		}
	}
	if n != len(isBad) {
		t.Errorf("%d rows are named, %d are bad", n, len(isBad))
	}
}

func writeRows(t *testing.T, path string, values []float32, size int) string {
	t.Helper()
	var data bytes.Buffer
	w, err := dataset.NewNPYWriter(&data, "float32", len(values)/size, size)
	if err == nil {
		err = errors.Join(w.WriteFloats(values), w.Close(), os.WriteFile(path, data.Bytes(), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

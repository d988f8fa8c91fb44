package infer_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dist"
)

// pictureFolder writes n pictures of 3x2 pixels with the content of pixelFile's rows, in folders of ten.
func pictureFolder(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for row := range n {
		img := image.NewGray(image.Rect(0, 0, 2, 3))
		for i := range img.Pix {
			img.Pix[i] = byte(row*37 + i*51)
		}
		var data bytes.Buffer
		path := filepath.Join(dir, fmt.Sprintf("%02d", row/10), fmt.Sprintf("%d.png", row%10))
		if err := errors.Join(png.Encode(&data, img), os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A picture's row is called by its path, in the output and among the bad ones; the codes are those of its pixels.
func TestPictures(t *testing.T) {
	t.Parallel()
	const n = 100
	model, dir := writeModel(t, dist.Bernoulli, 11, 0), t.TempDir()
	want := infer.Job{Model: model, In: pixelFile(t, n), Out: filepath.Join(dir, "want.csv")}
	must(t, want)
	pictures := pictureFolder(t, n)
	spoil := []error{
		os.Truncate(filepath.Join(pictures, "01/3.png"), 40),
		os.Truncate(filepath.Join(pictures, "04/0.png"), 0),
		os.WriteFile(filepath.Join(pictures, "09/9.png"), []byte("no picture"), 0o644),
	}
	if err := errors.Join(spoil...); err != nil {
		t.Fatal(err)
	}
	bad := map[int]string{13: "01/3.png", 40: "04/0.png", 99: "09/9.png"}
	for _, batch := range []int{7, 512} {
		job := infer.Job{Model: model, In: pictures, Out: filepath.Join(dir, fmt.Sprint(batch, ".csv")), PartRows: 30, Batch: batch, MaxBad: 0.03}
		s, err := run(t, job)
		if !errors.Is(err, infer.ErrPart) || s.Bad != 3 {
			t.Fatalf("%+v, %v", s, err)
		}
		a, b := records(t, want.Out), records(t, job.Out)
		for row := range n {
			id, code := fmt.Sprintf("%02d/%d.png", row/10, row%10), a[row+1][1]
			if bad[row] != "" {
				code = strings.Repeat("0", 11)
			}
			if b[row+1][0] != id || b[row+1][1] != code {
				t.Errorf("row %d is %v, want %s %s", row, b[row+1], id, code)
			}
		}
		lines := json.NewDecoder(strings.NewReader(read(t, infer.BadFile(job.Out))["."]))
		for range bad {
			var line struct {
				Row        int
				ID, Reason string
			}
			if err := lines.Decode(&line); err != nil || bad[line.Row] != line.ID || !strings.Contains(line.Reason, line.ID) {
				t.Errorf("%+v: %v", line, err)
			}
		}
		if lines.More() {
			t.Error("more rows are called bad than are")
		}
	}
}

func records(t *testing.T, path string) [][]string {
	t.Helper()
	r, err := csv.NewReader(strings.NewReader(read(t, path)["."])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

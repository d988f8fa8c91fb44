package train_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
)

// A run's variants are made with the rows that it records, are kept in the bundle, and what was measured of them does not
// change the bundle's hash.
func TestVariantsOfARun(t *testing.T) {
	t.Parallel()
	backend := ortest.Backend(t)
	dir := filepath.Join(t.TempDir(), "run")
	if source, err := (train.Trained{}).Source(); source != "" || err != nil {
		t.Errorf("no run records %q, %v", source, err)
	}
	if _, err := train.Run(t.Context(), config(t, "epochs=1", "data.validation=18000"), train.Options{Source: dataset.GlyphsSource, Out: dir, Backend: backend, Samples: 1}); err != nil {
		t.Fatal(err)
	}
	trained, err := train.OpenRun(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	source, err := trained.Source()
	if source != dataset.GlyphsSource || err != nil {
		t.Fatalf("the run records %q, %v", source, err)
	}
	rows, err := trained.VariantRows(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	if rows.HeldOutIs != "test split" || len(rows.Calibration.Bytes) != 4096*784 || len(rows.HeldOut.Bytes) != 4000*784 {
		t.Errorf("%d bytes to calibrate on, %d of the %s", len(rows.Calibration.Bytes), len(rows.HeldOut.Bytes), rows.HeldOutIs)
	}
	rows.HeldOut.Bytes = rows.HeldOut.Bytes[:500*784]
	var hashes [2]string
	for i := range hashes {
		out := filepath.Join(t.TempDir(), "bundle")
		v, err := trained.WriteBundle(t.Context(), out, train.BundleOptions{Backend: backend, Timer: ortest.Backend(t, onnxruntime.WithThreads(1)), Variants: variant.Names, Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Verify(); err != nil {
			t.Fatal(err)
		}
		hashes[i] = b.Hash()
		for _, name := range variant.Names {
			c, described := v.Variants[name], b.Manifest.Variants[name]
			if c.Rows != 500 || c.Bits != 500*8 || c.Batch == 0 || c.RowsPerSecond == 0 || c.Bytes != b.Manifest.Files[described.File].Size || c.Note == "" {
				t.Errorf("%s: %+v of %+v", name, c, described)
			}
		}
		if int8 := b.Manifest.Variants[bundle.VariantInt8]; int8.Calibrated.Fingerprint != rows.Fingerprint || len(int8.Activations) != 2 {
			t.Errorf("int8 is described as %+v", int8)
		}
	}
	if hashes[0] != hashes[1] {
		t.Error("two exports of one run have different hashes")
	}
}

// Of a file, which keeps no test rows apart, the rows held out for validation are compared on.
func TestVariantRows(t *testing.T) {
	trained := train.Trained{Config: config(t), Model: config(t).Model([]int{2, 3})}
	trained.Config.Data.Divide, trained.Config.Data.Holdout = 255, train.HoldoutLast
	file := filepath.Join(t.TempDir(), "rows.idx")
	write := func(shape ...int) {
		pixels := make([]byte, shape[0]*shape[1]*shape[2])
		for i := range pixels {
			pixels[i] = byte(i)
		}
		if err := os.WriteFile(file, datatest.IDX(pixels, shape...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		validation, calibration, held int
		is                            string
	}{{5, 7, 5, "held-out rows"}, {-1, 10, 2, "held-out rows"}, {0, 10, 2, "sixth of the rows"}, {12, 10, 2, "sixth of the rows"}} {
		write(12, 2, 3)
		trained.Config.Data.Validation = c.validation
		rows, err := trained.VariantRows(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows.Calibration.Bytes) != 6*c.calibration || len(rows.HeldOut.Bytes) != 6*c.held || rows.HeldOutIs != c.is || int(rows.HeldOut.Bytes[0]) != 6*(12-c.held) {
			t.Errorf("validation %d: %d and %d bytes, %s", c.validation, len(rows.Calibration.Bytes), len(rows.HeldOut.Bytes), rows.HeldOutIs)
		}
	}
	write(1, 2, 3)
	if _, err := trained.VariantRows(t.Context(), file); !errors.Is(err, dataset.ErrData) {
		t.Errorf("one row: %v", err)
	}
	write(4, 3, 3)
	if _, err := trained.VariantRows(t.Context(), file); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("rows of another size: %v", err)
	}
}

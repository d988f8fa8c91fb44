package infer_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/infer"
	_ "github.com/catvae/catvae/dataset/parquet"
	"github.com/catvae/catvae/dist"
)

// docs/formats.md is what the tables say.
func TestFormatsDocument(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	if err := infer.WriteFormats(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.FromSlash("../../../docs/formats.md"))
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("docs/formats.md is not what the tables say: run go generate ./cmd/internal/infer (%v)", err)
	}
}

// The error for an unknown word lists the known ones, that for a format that cannot hold a product those that can.
func TestUnknownWords(t *testing.T) {
	t.Parallel()
	for want, j := range map[string]infer.Job{
		`mode "guess": use encode, decode, reconstruct or score`:                                {Mode: "guess"},
		`codes "gold": use packed, index, logits or query`:                                      {Codes: "gold"},
		`format "tar": use npy, csv, tsv, jsonl, raw, parquet or png`:                           {Format: "tar"},
		`text "rot13": use bits or hex`:                                                         {Text: "rot13"},
		`parquet holds packed codes: write logits as npy, csv, tsv, jsonl or raw`:               {Format: infer.Parquet, Codes: infer.Logits},
		`png holds reconstructions: write packed codes as npy, csv, tsv, jsonl, raw or parquet`: {Format: infer.PNG},
		`parquet holds packed codes: write reconstructions as npy, csv, tsv, jsonl, raw or png`: {Format: infer.Parquet, Mode: infer.Decode},
		`png holds reconstructions: write scores as npy, csv, tsv, jsonl or raw`:                {Out: "x.PNG", Mode: infer.Score},
	} {
		j.Model, j.In = "model", "in"
		if j.Out == "" {
			j.Out = "out"
		}
		if _, err := j.Normal(); !errors.Is(err, infer.ErrJob) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Numbers of a file become values as the manifest says, or as a job says for numbers that are no bytes.
func TestDivide(t *testing.T) {
	t.Parallel()
	model, dir := writeModel(t, dist.Bernoulli, 11, 0), t.TempDir()
	pixels, units := filepath.Join(dir, "pixels.csv"), filepath.Join(dir, "units.csv")
	err := errors.Join(
		os.WriteFile(pixels, []byte("0,4,2,1,3,4\n4,4,0,0,1,2\n"), 0o644),
		os.WriteFile(units, []byte("0,1,0.5,0.25,0.75,1\n1,1,0,0,0.25,0.5\n"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	logits := func(in string, divide float64) (string, error) {
		out := filepath.Join(t.TempDir(), "x.npy")
		if _, err := run(t, infer.Job{Model: model, In: in, Out: out, Divide: divide, Codes: infer.Logits}); err != nil {
			return "", err
		}
		return read(t, out)["."], nil
	}
	want, err1 := logits(units, 0)
	got, err2 := logits(pixels, 4)
	if err1 != nil || err2 != nil || got != want {
		t.Errorf("divided by 4: %v, %v, equal %t", err1, err2, got == want)
	}
	if _, err := logits(pixels, 0); err == nil || !strings.Contains(err.Error(), "column 1 is 4: values must lie in [0,1]") {
		t.Errorf("not divided: %v", err)
	}
	if _, err := logits(pixels, 2); err == nil || !strings.Contains(err.Error(), "column 1 is 4, which becomes 2: values must lie in [0,1]") {
		t.Errorf("divided by 2: %v", err)
	}
	manifest := filepath.Join(model, "manifest.json")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), `"input": {`, `"input": {"divide": 4,`, 1)
	if err := os.WriteFile(manifest, []byte(changed), 0o644); err != nil || changed == string(text) {
		t.Fatal("no input in the manifest", err)
	}
	if got, err := logits(pixels, 0); err != nil || got != want {
		t.Errorf("divided by the manifest: %v, equal %t", err, got == want)
	}
}

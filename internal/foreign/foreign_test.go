package foreign_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/foreign"
)

func archive(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, 9000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOf(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1580523\n": "a Git LFS pointer",
		archive(t, "m/data.pkl", "m/byteorder", "m/data/0"):                         "a PyTorch archive",
		archive(t, "ts/data.pkl", "ts/code/__torch__/torch/nn.py"):                  "a TorchScript archive",
		archive(t, "ep/archive_format", "ep/models/model.json"):                     "an exported program",
		archive(t, "metadata.json", "config.json", "model.weights.h5"):              "a Keras archive",
		archive(t, "x.npy"):                         "a NumPy archive",
		archive(t, "readme.txt"):                    "a ZIP archive",
		"\x80\x04\x95\x10\x00\x00":                  "a Python pickle",
		"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19": "a PyTorch file of before 1.6",
		"\x89HDF\r\n\x1a\n\x00":                     "an HDF5 file",
		"\x1c\x00\x00\x00TFL3\x14\x00":              "a TensorFlow Lite model",
		"\x18\x00\x00\x00ORTM\x00\x00":              "onnxruntime's own format",
		"\x40\x00\x00\x00\x00\x00\x00\x00{\"w\":{":  "safetensors",
		"\n\n  <!DOCTYPE HTML><title>Sign in":       "a web page",
		"\xef\xbb\xbf{\"error\": 404}":              "JSON",
		"\x1f\x8b\x08":                              "gzip",
		"\x89PNG\r\n":                               "a PNG picture",
	} {
		k, ok := foreign.Of([]byte(data))
		if !ok || !strings.Contains(k.Is, want) || k.Way == "" {
			t.Errorf("%.30q is %q (%q), want %q", data, k.Is, k.Way, want)
		}
	}
	for _, data := range []string{"", "\x08", "\x08\x08\x12\x07pytorch\x1a\x062.15.0", "no model", "PK"} {
		if k, ok := foreign.Of([]byte(data)); ok {
			t.Errorf("%q is %q", data, k.Is)
		}
	}
}

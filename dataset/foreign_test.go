package dataset_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// What people give in place of rows is called by its name, and the way out is told; whatever the file is called, and from a pipe.
func TestForeign(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte{0}, 600)
	tar := bytes.Clone(long)
	copy(tar[257:], "ustar")
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"LFS":         {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1580523\n"), "git lfs pull"},
		"PNG":         {fileBytes(t, "testdata/pictures/grey.png"), "a picture"},
		"JPEG":        {fileBytes(t, "testdata/pictures/grey.jpeg"), "a picture"},
		"pickle":      {[]byte("\x80\x04\x95\x10\x00\x00"), "numpy.save"},
		"old torch":   {[]byte("\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."), "torch.save"},
		"torch":       {archive(t, 0, []string{"m/data.pkl", "m/data/0"}, []byte("x"), []byte("y")), "PyTorch"},
		"Excel":       {archive(t, 0, []string{"[Content_Types].xml", "xl/workbook.xml"}, []byte("x"), []byte("y")), "Excel"},
		"zip":         {archive(t, 0, []string{"a/1.png"}, []byte("x")), "unpack"},
		"Keras":       {archive(t, 0, []string{"config.json", "model.weights.h5"}, []byte("x"), []byte("y")), "Keras"},
		"ONNX":        {[]byte("\x08\x08\x12\x07pytorch\x1a\x052.1.0:\xb0"), "ONNX"},
		"HDF5":        {[]byte("\x89HDF\r\n\x1a\n\x00\x00"), "HDF5"},
		"MATLAB":      {append([]byte("MATLAB 5.0 MAT-file, Platform: GLNXA64"), long...), "scipy.io.loadmat"},
		"feather":     {[]byte("ARROW1\x00\x00\xff"), "Parquet"},
		"xz":          {[]byte("\xfd7zXZ\x00\x00"), "xz -d"},
		"tar":         {append([]byte("a.png"), tar[5:]...), "tar archive"},
		"UTF-16":      {[]byte("\xff\xfe0\x00,\x001\x00"), "UTF-8"},
		"HTML":        {[]byte("\n<!DOCTYPE html>\n<html>"), "download"},
		"JSON":        {[]byte("{\"a\": 1}\n"), "JSON"},
		"JSON's list": {[]byte("[{\"a\": [1]}]\n"), "an object a line"},
		"R":           {[]byte("RDX3\nX\n\x00\x00"), "write.csv"},
	} {
		for way, s := range map[string]source{"file": {path: write(t, "rows.npy", c.data)}, "pipe": {path: "-", stdin: c.data}} {
			if way == "file" && c.says == "a picture" {
				continue // it is read
			}
			s.o.Stdin = bytes.NewReader(s.stdin)
			_, err := dataset.Open(t.Context(), s.path, s.o)
			var unsupported *dataset.UnsupportedError
			if !errors.As(err, &unsupported) || !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %s: %v, want %q", name, way, err, c.says)
			}
		}
	}
	for _, path := range []string{"*.npy", "*.npz", "*.csv", "*.parquet"} { // and nothing else is
		names, _ := filepath.Glob(filepath.Join("testdata", path))
		for _, name := range names {
			if _, err := dataset.Open(t.Context(), name, dataset.Options{}); err != nil && strings.Contains(err.Error(), "it is a") {
				t.Error(err)
			}
		}
	}
}

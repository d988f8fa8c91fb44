package serve

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/url"
	"path/filepath"
	"slices"
	"testing"

	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/codes/index"
)

// picturesOf returns rows as PNG files.
func picturesOf(t *testing.T, rows []byte) (files [][]byte) {
	t.Helper()
	for row := range slices.Chunk(rows, 6) {
		img := image.NewGray(image.Rect(0, 0, 2, 3))
		for i, v := range row {
			img.SetGray(i%2, i/2, color.Gray{Y: v})
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		files = append(files, b.Bytes())
	}
	return files
}

// form returns files as a browser sends them.
func form(t *testing.T, files [][]byte) (headers map[string]string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i, f := range files {
		part, err := w.CreateFormFile("picture", string(rune('a'+i))+".png")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"Content-Type": w.FormDataContentType()}, b.Bytes()
}

// Pictures have the codes of their pixels, and a search finds each of them at distance 0.
func TestPicturesAndSearch(t *testing.T) {
	dir, rows := tiny(t), slices.Concat(randomRows(3), randomRows(4))
	want := codesOf(t, dir, rows)
	path := filepath.Join(t.TempDir(), "codes.index")
	x, err := index.Create(path, index.Options{Bits: 11})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Append(want, nil); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, dir, func(o *Options, _ *repository.Options) { o.Indexes = []Index{{"m", path}} })
	files := picturesOf(t, rows)
	headers, body := form(t, files)
	headers["Accept"] = "application/octet-stream"
	if code, _, got := do(t, "POST", s.url+"/v1/encode", headers, bytes.NewReader(body)); code != 200 || !bytes.Equal(got, want) {
		t.Errorf("%d: %x, want %x", code, got, want)
	}
	code, _, got := do(t, "POST", s.url+"/v1/encode?model=m", map[string]string{"Content-Type": "image/png"}, bytes.NewReader(files[2]))
	var one struct {
		Bits  int
		Codes []struct{ Name, Code string }
	}
	if err := json.Unmarshal(got, &one); err != nil || code != 200 || one.Bits != 11 || one.Codes[0].Code != hex.EncodeToString(want[4:6]) {
		t.Errorf("%d, %v: %s", code, err, got)
	}
	delete(headers, "Accept")
	texts := []string{}
	for c := range slices.Chunk(want, 2) {
		texts = append(texts, hex.EncodeToString(c))
	}
	asCodes, _ := json.Marshal(map[string]any{"codes": texts})
	asRows := map[string][][]float32{}
	for row := range slices.Chunk(rows, 6) {
		floats := []float32{}
		for _, b := range row {
			floats = append(floats, float32(b)/255)
		}
		asRows["rows"] = append(asRows["rows"], floats)
	}
	rowsText, _ := json.Marshal(asRows)
	for name, c := range map[string]struct {
		headers map[string]string
		body    []byte
	}{
		"pictures": {headers, body},
		"codes":    {map[string]string{"Content-Type": "application/json"}, asCodes},
		"rows":     {map[string]string{"Content-Type": "application/json"}, rowsText},
	} {
		code, _, got := do(t, "POST", s.url+"/v1/search?"+url.Values{"k": {"3"}}.Encode(), c.headers, bytes.NewReader(c.body))
		var found struct {
			Results []struct {
				Code    string
				Matches []match
			}
		}
		if err := json.Unmarshal(got, &found); err != nil || code != 200 || len(found.Results) != 7 {
			t.Errorf("%s: %d, %v: %s", name, code, err, got)
			continue
		}
		for i, r := range found.Results {
			if len(r.Matches) != 3 || r.Matches[0].Distance != 0 || texts[r.Matches[0].Row] != texts[i] || r.Code != texts[i] {
				t.Errorf("%s: query %d: %v", name, i, r)
			}
		}
	}
}

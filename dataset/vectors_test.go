package dataset_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// Files of vectors, as other programs write them, hold what testdata/vectors.py put into them, with names and labels where they have some.
func TestVectorsOfOthers(t *testing.T) {
	t.Parallel()
	up := func(i int) float32 { return float32(i) / 64 }
	whole := func(i int) float32 { return float32(i) }
	for path, c := range map[string]struct {
		value  func(i int) float32
		id     string // of row 3
		labels bool
	}{
		"float16.npy":                {up, "3", false},
		"float16_fortran.npy":        {up, "3", false},
		"vectors.safetensors":        {up, "3", false},
		"several.safetensors:first":  {func(i int) float32 { return 1 - up(i) }, "3", false},
		"several.safetensors:second": {up, "3", false},
		"vectors.fvecs":              {up, "3", false},
		"vectors.bvecs":              {whole, "3", false},
		"vectors.ivecs":              {whole, "3", false},
		"vectors.jsonl":              {up, "row 3", true},
		"vectors.jsonl:embedding":    {up, "row 3", true},
		"python.jsonl":               {up, "row 3", true},
		"lists.csv:embedding":        {up, "row 3", true},
		"lists.tsv:embedding":        {up, "row 3", true},
		"vectors.parquet:embedding":  {up, "row 3", true},
		"vectors.parquet:other":      {up, "row 3", true},
		"embedding.parquet":          {up, "row 3", false},
		"glove.txt":                  {up, "row\u00a03", false},
		"fasttext.vec":               {up, "row\u00a03", false},
	} {
		set, err := dataset.Load(t.Context(), filepath.Join("testdata", path), dataset.Options{Labels: true, IDs: true, Values: dist.Raw()})
		if err != nil {
			t.Error(err)
			continue
		}
		if fmt.Sprint(set.Shape) != "[8]" || set.Len() != 7 || set.Labels != c.labels || set.ID(3) != c.id || set.Columns != nil {
			t.Errorf("%s: %+v, row 3 is %q", path, set.Info, set.ID(3))
		}
		row := make([]float32, 8)
		for i := range set.Len() {
			set.Row(i, row)
			for j, x := range row {
				if x != c.value(8*i+j) {
					t.Errorf("%s: row %d, value %d is %g, want %g", path, i, j, x, c.value(8*i+j))
				}
			}
			if label := set.Label(i); c.labels && label != i%3 || !c.labels && label != -1 {
				t.Errorf("%s: row %d has the label %d", path, i, label)
			}
		}
	}
}

// What is not clear, or is no row of numbers, is refused in one line with the way out.
func TestVectorsRefused(t *testing.T) {
	t.Parallel()
	safe := func(header string, values int) []byte {
		return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), make([]byte, values)...)
	}
	vecs := func(rows ...int32) (data []byte) {
		for _, n := range rows {
			data = append(binary.LittleEndian.AppendUint32(data, uint32(n)), make([]byte, 4*max(0, min(n, 9)))...)
		}
		return data
	}
	for _, c := range []struct {
		name string
		data []byte
		part string // behind the name
		want string
	}{
		{"a.safetensors", safe(`{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"v":{"dtype":"F32","shape":[1,4],"data_offsets":[0,16]}}`, 16), "", "which of its tensors is meant? It holds v, w: name one as"},
		{"a.safetensors", safe(`{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}`, 16), ":x", "which of its tensors is meant? It holds w"},
		{"a.safetensors", safe(`{"w":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]}}`, 4), "", `its values are of type "F8_E4M3"`},
		{"a.safetensors", safe(`{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}`, 15), "", "and 15 bytes of values follow"},
		{"a.safetensors", safe(`{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[-16,0]}}`, 15), "", "at [-16 0]"},
		{"a.safetensors", safe(`{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0), "", "its header says F32 of the shape"},
		{"a.safetensors", safe(`{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 4), "", "a single number"},
		{"a.safetensors", safe(`{"w":[]}`, 4), "", `the header's entry "w" cannot be read`},
		{"a.safetensors", safe(`{"w"`, 0), "", "its header is no JSON"},
		{"a.safetensors", []byte("\x00\x00\x00\x05\x00\x00\x00\x00{"), "", "its header claims 83886080 bytes of 9"},
		{"a.fvecs", vecs(2, 3), "", "no whole number of rows of 2 values"},
		{"a.fvecs", vecs(1, 2)[:16], "", "row 1 has 2 values, the first row has 1"},
		{"a.fvecs", vecs(0), "", "its first row has 0 values"},
		{"a.fvecs", vecs(-5), "", "its first row has -5 values"},
		{"a.fvecs", vecs(2)[:3], "", "it ends in the number"},
		{"a.fvecs", vecs(math.MaxInt32), "", "its first row has 2147483647 values"},
		{"a.fvecs", vecs(2, 2), ":x", "FILE"},
		{"a.npy", fileBytes(t, "testdata/float16.npy"), ":x", "no such file"},
		{"a.jsonl", []byte("{\"a\": [1], \"b\": [2, 3]}\n"), "", `which of its arrays is meant? Its first line has "a", "b"`},
		{"a.jsonl", []byte("{\"a\": [1], \"b\": [2, 3]}\n"), ":c", `"c" of its first line is no array of numbers: its fields are "a", "b"`},
		{"a.jsonl", []byte("{\"a\": [], \"b\": [\"x\"]}\n"), "", "no array of numbers"},
		{"a.jsonl", []byte("{\"a\": 1, }\n"), "", "its first line is no JSON object"},
		{"a.jsonl", []byte("{\"a\": [1\n"), "", "its first line is no JSON object"},
		{"a.vec", []byte("3 9\na 1 2 3 4 5 6 7 8 9\nb 1 2 3 4 5 6 7 8 9\n"), "", "it has 2 lines of words, its first line promises 3"},
		{"a.csv", fileBytes(t, "testdata/lists.csv"), "", "its column \"text\" holds text"},
		{"a.csv", []byte("text,v\nx,\"[1, 2]\"\ny,\"[3, 4]\"\n"), ":w", `it has no column "w"`},
		{"a.csv", []byte("id,v\nx,\"[1, 2]\"\ny,\"[3, 4]\"\n"), "", "name it as FILE.csv:v"},
		{"a.parquet", fileBytes(t, "testdata/vectors.parquet"), "", "a.parquet:embedding, or choose"},
		{"a.parquet", fileBytes(t, "testdata/vectors.parquet"), ":text", `its column "text" has the type`},
		{"a.parquet", fileBytes(t, "testdata/vectors.parquet"), ":none", `it has no column "none"`},
	} {
		set, err := dataset.Load(t.Context(), write(t, c.name, c.data)+c.part, dataset.Options{Values: dist.Raw()})
		want := c.want
		if want == "FILE" || want == "no such file" { // names that are no part of a file
			want = "does not exist"
		}
		if err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "file does not exist") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s%s %.40q: %v, want %q", c.name, c.part, c.data, err, want)
		}
		if err == nil {
			t.Errorf("%+v", set.Info)
		}
	}
}

// An array with values of Go's, packed as JSON, is read as encoding/json reads it, whatever stands around it.
func FuzzJSONLines(f *testing.F) {
	for _, name := range []string{"vectors.jsonl", "python.jsonl"} {
		f.Add(fileBytes(f, "testdata/"+name))
	}
	for _, text := range []string{
		"{}", "{\"v\":[1]}", "{\"v\":[1]}\n{\"v\":[2,3]}", "{\"\\u0076\":[1,2],\"id\":\"\\ud83d\"}", "{\"v\":[1],\"v\":[2]}", "{\"a\":{\"b\":[\"]}\"]},\"v\":[-1e-3]}", "{\"v\":[1,]}", "{\"v\":[1]]}",
		"{\"v\":[1],}", "{\"v\" [1]}", "{\"v\":[[1]]}", "{\"id\":null,\"v\":[1]}", "{\"id\":12,\"v\":[1]}", "{\"v\":[1]", "{\"v\":\"", "{\"v\":[0x1p3]}", "\xef\xbb\xbf{\"v\":[1]}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzOne(t, append([]byte("{"), data...), false)
		r, err := dataset.Open(t.Context(), write(t, "x.jsonl", data), dataset.Options{Values: dist.Raw(), Member: "v"})
		if err != nil {
			return
		}
		defer r.Close()
		first, _, _ := bytes.Cut(bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n"), []byte("\n"))
		var want struct {
			V []float64 `json:"v"`
		}
		var keys map[string]json.RawMessage
		if json.Unmarshal(first, &keys) != nil || keys["v"] == nil || json.Unmarshal(keys["v"], &want.V) != nil {
			return // ours does not look into what it passes over
		}
		row := make([]float32, r.Info().RowSize())
		if _, err := r.Next(row); err != nil || !slices.EqualFunc(row, want.V, func(a float32, b float64) bool { return a == float32(b) }) {
			t.Errorf("%q: %v, want %v: %v", first, row, want.V, err)
		}
	})
}

func FuzzWordVectors(f *testing.F) {
	for _, name := range []string{"glove.txt", "fasttext.vec"} {
		f.Add(fileBytes(f, "testdata/"+name))
	}
	for _, text := range []string{"a 1 2 3 4 5 6 7 8", "a 1 2 3 4 5 6 7 8\nb 1", "1 8\n0 1 2 3 4 5 6 7 8\n", "2 99999999999\na 1 2 3 4 5 6 7 8 9\n", "a\t1\t2\t3\t4\t5\t6\t7\t8\t\r\n\r\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzOne(t, data, false) })
}

// A header is not believed: files of safetensors and vecs are opened in memory in proportion to their bytes.
func FuzzSafetensors(f *testing.F) {
	for _, name := range []string{"vectors.safetensors", "several.safetensors"} {
		data := fileBytes(f, "testdata/"+name)
		f.Add(data)
		f.Add(data[:len(data)-1])
		f.Add(data[:20])
	}
	f.Add([]byte("\x45\x00\x00\x00\x00\x00\x00\x00{\"w\":{\"dtype\":\"F32\",\"shape\":[268435456,1],\"data_offsets\":[0,1073741824]}}   "))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzOne(t, data, false)
		fuzzMemory(t, "x.safetensors", data)
	})
}

func FuzzVecs(f *testing.F) {
	for _, name := range []string{"vectors.fvecs", "vectors.bvecs", "vectors.ivecs"} {
		f.Add(fileBytes(f, "testdata/"+name))
	}
	f.Add([]byte("\x00\x00\x00\x01"))
	f.Add([]byte("\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, end := range []string{".fvecs", ".bvecs", ".ivecs"} {
			fuzzMemory(t, "x"+end, data)
		}
	})
}

// fuzzMemory reads a file by its name, and wants that it is opened for memory in proportion to its bytes.
func fuzzMemory(t *testing.T, name string, data []byte) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := dataset.Open(t.Context(), write(t, name, data), dataset.Options{Values: dist.Raw()})
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20+uint64(200*len(data)) {
		t.Errorf("%d bytes took %d to open", len(data), grown)
	}
	if err != nil {
		if !errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n") {
			t.Error(err)
		}
		return
	}
	defer r.Close()
	row := make([]float32, r.Info().RowSize())
	for range min(r.Info().Rows, 100) {
		if _, err := r.Next(row); err != nil && !errors.Is(err, dataset.ErrData) {
			t.Error(err)
		}
	}
}

// Rows that are drawn are the same by one seed, in the order of the source, whatever holds them; bad ones among them count by where they stand.
func TestDraw(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"float16.npy", "vectors.jsonl", "vectors.parquet:embedding", "glove.txt", "vectors.fvecs", "lists.csv:embedding"} {
		all, err := dataset.Load(t.Context(), filepath.Join("testdata", path), dataset.Options{Values: dist.Raw()})
		if err != nil {
			t.Fatal(err)
		}
		var seen [][]int
		for seed := range uint64(3) {
			set, err := dataset.Load(t.Context(), filepath.Join("testdata", path), dataset.Options{Values: dist.Raw(), Draw: 4, Seed: seed, IDs: true})
			if err != nil || set.Len() != 4 || set.SourceRows() != 7 {
				t.Fatalf("%s: %+v, %v", path, set, err)
			}
			var origins []int
			got, want := make([]float32, 8), make([]float32, 8)
			for i := range set.Len() {
				origins = append(origins, set.Origin(i))
				set.Row(i, got)
				all.Row(set.Origin(i), want)
				if id := set.ID(i); !slices.Equal(got, want) || !strings.Contains(id, fmt.Sprint(set.Origin(i))) {
					t.Errorf("%s: row %d, %q, is %v, want %v", path, set.Origin(i), id, got, want)
				}
			}
			if !slices.IsSorted(origins) {
				t.Errorf("%s: rows %v", path, origins)
			}
			seen = append(seen, origins)
		}
		if slices.Equal(seen[0], seen[1]) && slices.Equal(seen[1], seen[2]) {
			t.Errorf("%s: every seed draws %v", path, seen[0])
		}
		few, err := dataset.Load(t.Context(), filepath.Join("testdata", path), dataset.Options{Values: dist.Raw(), Draw: 8})
		if err != nil || few.Fingerprint() != all.Fingerprint() || few.Origin(6) != 6 {
			t.Errorf("%s: more than there are: %v", path, err)
		}
	}
	bad := write(t, "bad.jsonl", []byte("{\"v\": [1]}\n{\"v\": 0}\n{\"v\": [2]}\n{\"v\": 0}\n{\"v\": [3]}\n{\"v\": 0}\n"))
	set, err := dataset.Load(t.Context(), bad, dataset.Options{Values: dist.Raw(), Draw: 5, MaxBad: 0.6})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range set.Bad() {
		if badRow(err)%2 != 1 {
			t.Error(err)
		}
	}
	for i := range set.Len() {
		if set.Origin(i)%2 != 0 {
			t.Errorf("row %d is good", set.Origin(i))
		}
	}
}

package dataset_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	_ "github.com/catvae/catvae/dataset/parquet"
	"github.com/catvae/catvae/dist"
	"github.com/klauspost/compress/zstd"
)

// A source is opened anew for each pass.
type source struct {
	path  string
	o     dataset.Options
	stdin []byte // what is piped in, where path is "-"
	bad   []int  // rows
}

func (s source) open(t testing.TB) dataset.Reader {
	t.Helper()
	if s.stdin != nil {
		s.o.Stdin = io.MultiReader(bytes.NewReader(s.stdin)) // which cannot seek
	}
	r, err := dataset.Open(t.Context(), s.path, s.o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func packed(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func inZstd(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(data, nil)
}

func fileBytes(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// count returns 0, 1, … n-1.
func count(n int) (numbers []int) {
	for i := range n {
		numbers = append(numbers, i)
	}
	return numbers
}

// sources returns one source of every kind, those with bad rows among them.
func sources(t testing.TB) map[string]source {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	npy := func(values ...float32) []byte {
		var buf bytes.Buffer
		w, err := dataset.NewNPYWriter(&buf, "float32", len(values)/2, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.WriteFloats(values), w.Close()); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	idx, labels := idxBytes(t, 7, 3, 2), idxBytes(t, 7)
	put("mnist/train-images-idx3-ubyte", idx)
	put("mnist/train-labels-idx1-ubyte.gz", packed(t, labels))
	grey := fileBytes(t, "testdata/pictures/grey.png")
	for name, data := range map[string][]byte{"a": grey, "b": grey[:60], "c": nil, "d": []byte("text"), "e": fileBytes(t, "testdata/pictures/colour.png"), "f": grey[:8]} {
		put("broken/"+name+".png", data)
	}
	byColumns := npyFile(1, "{'descr':'<i4','fortran_order':True,'shape':(7,2,3)}", encode("i4", binary.LittleEndian, count(42)...))
	testdata := func(name string) string { return filepath.Join("testdata", name) }
	all := map[string]source{
		"IDX":                   {path: put("x", idx)},
		"IDX packed":            {path: put("x.gz", packed(t, idx))},
		"IDX in zstd":           {path: put("x.zst", inZstd(t, idx))},
		"NPY in zstd":           {path: put("x.npy.zst", inZstd(t, fileBytes(t, testdata("float64.npy"))))},
		"CSV in zstd":           {path: put("x.csv.zst", inZstd(t, fileBytes(t, testdata("pandas.csv")))), o: dataset.Options{IDs: true}},
		"IDX with labels":       {path: filepath.Join(dir, "mnist")},
		"IDX of numbers":        {path: put("labels", labels)},
		"NPY uint8":             {path: testdata("uint8.npy")},
		"NPY float32":           {path: testdata("float32.npy")},
		"NPY float64":           {path: testdata("float64.npy")},
		"NPY packed":            {path: put("x.npy.gz", packed(t, fileBytes(t, testdata("float64.npy"))))},
		"NPY bad":               {path: put("bad.npy", npy(2, 0, 0, 1, 0, -1, 1, 0, 0, 7)), bad: []int{0, 2, 4}},
		"NPY of booleans":       {path: put("bool.npy", npyFile(1, "{'descr':'|b1','fortran_order':False,'shape':(7,4)}", []byte("\x00\x01\x00\x00\x01\x01\x00\x01\x01\x00\x00\x01\x01\x00\x01\x01\x01\x01\x01\x01\x00\x00\x01\x00\x00\x00\x00\x01")))},
		"NPY by columns":        {path: put("columns.npy", byColumns), o: dataset.Options{Values: raw()}},
		"NPY packed by columns": {path: put("columns.npy.gz", packed(t, byColumns)), o: dataset.Options{Values: raw()}},
		"IDX of int16":          {path: put("int16.idx", append([]byte{0, 0, 11, 2, 0, 0, 0, 7, 0, 0, 0, 3}, encode("i2", binary.BigEndian, count(21)...)...)), o: dataset.Options{Values: raw()}},
		"CSV of semicolons":     {path: put("semicolons.csv", []byte("b;label;a;text\n0,5;x;1;é\n1;y;0;\n0;;0,25;z\nNA;1;1;\n0,75;2;1;x\n")), o: dataset.Options{Table: dataset.Table{Columns: []string{"a", "b"}}}, bad: []int{3}},
		"NPZ stored":            {path: testdata("stored.npz")},
		"NPZ compressed":        {path: testdata("compressed.npz")},
		"NPZ sparse":            {path: testdata("sparse.npz"), o: dataset.Options{Values: dist.Raw()}},
		"NPZ sparse, unordered": {path: testdata("sparse_unordered.npz"), o: dataset.Options{Values: dist.Raw()}},
		"LIBSVM":                {path: testdata("sparse0.svm"), o: dataset.Options{Values: dist.Raw()}},
		"LIBSVM packed":         {path: testdata("sparse1.svm.gz"), o: dataset.Options{Labels: true, Values: dist.Raw()}},
		"NPY float16":           {path: testdata("float16.npy")},
		"NPY float16, columns":  {path: testdata("float16_fortran.npy")},
		"safetensors":           {path: testdata("vectors.safetensors")},
		"safetensors, named":    {path: testdata("several.safetensors:third")},
		"fvecs":                 {path: testdata("vectors.fvecs")},
		"bvecs":                 {path: testdata("vectors.bvecs")},
		"ivecs":                 {path: testdata("vectors.ivecs"), o: dataset.Options{Values: raw()}},
		"JSON lines":            {path: testdata("python.jsonl"), o: dataset.Options{IDs: true, Labels: true}},
		"JSON lines of pandas":  {path: testdata("vectors.jsonl:embedding"), o: dataset.Options{IDs: true}},
		"JSON lines packed":     {path: put("x.jsonl.gz", packed(t, fileBytes(t, testdata("python.jsonl"))))},
		"JSON lines, bad":       {path: put("bad.jsonl", []byte("{\"v\": [0, 1]}\n{\"v\": [0]}\n{}\n\n[0, 1]\n{\"v\": [0, \"x\"]}\n{\"v\": [1, 1e0], \"id\": \"y\"}\n{\"v\": [0, NaN]}\n{\"v\": [1\n{\"v\": null}\n")), o: dataset.Options{IDs: true}, bad: []int{1, 2, 3, 4, 6, 7, 8}},
		"CSV of lists":          {path: testdata("lists.csv:embedding"), o: dataset.Options{IDs: true}},
		"CSV of lists, tabs":    {path: testdata("lists.tsv:embedding")},
		"CSV, one column":       {path: testdata("pandas.csv:b")},
		"word vectors":          {path: testdata("glove.txt"), o: dataset.Options{IDs: true}},
		"fastText":              {path: testdata("fasttext.vec"), o: dataset.Options{IDs: true}},
		"word vectors, bad":     {path: put("bad.txt", []byte("a 0 1 0 1 0 1 0 1\nnew york 1 0 1 0 1 0 1 0\n0 1 1 0 1 0 1 0\nb 0 1 0 1 x 1 0 1\nc 0 1 0 1 0 1 0 NaN\n")), o: dataset.Options{IDs: true}, bad: []int{2, 3, 4}},
		"Parquet float16":       {path: testdata("embedding.parquet"), o: dataset.Options{IDs: true}},
		"Parquet named":         {path: testdata("vectors.parquet:embedding"), o: dataset.Options{IDs: true}},
		"NPZ named":             {path: testdata("unclear.npz:second")},
		"CSV of pandas":         {path: testdata("pandas.csv")},
		"CSV with ids":          {path: testdata("pandas.csv"), o: dataset.Options{IDs: true}},
		"Parquet with ids":      {path: testdata("index.parquet"), o: dataset.Options{IDs: true}},
		"Parquet with paths":    {path: testdata("pictures.parquet"), o: dataset.Options{IDs: true}, bad: []int{3, 5}},
		"CSV packed":            {path: testdata("pandas.csv.gz")},
		"CSV quoted":            {path: testdata("quoted.csv")},
		"CSV with CRLF":         {path: testdata("crlf.csv")},
		"CSV of pixels":         {path: put("pixels.csv", []byte("0,255\n\n \r\n128,64\n3,4")), o: dataset.Options{Values: divided(255)}},
		"CSV bad":               {path: put("bad.csv", []byte("a,label,b\nx,1,0\n1,2,0\n1,2\n0,1,0.5\n1,1,1,1\n0,x,0\n1,3,1\n0,0,NaN\n")), bad: []int{0, 2, 4, 7}},
		"pictures":              {path: testdata("pictures")},
		"pictures resized":      {path: testdata("pictures"), o: dataset.Options{Image: &dataset.Image{Height: 3, Width: 4, Resize: "bilinear"}}},
		"pictures by pattern":   {path: testdata("pictures/*g")},
		"picture":               {path: testdata("pictures/colour.jpg")},
		"pictures bad":          {path: filepath.Join(dir, "broken"), bad: []int{1, 2, 3, 5}},
		"Parquet of pictures":   {path: testdata("pictures.parquet"), bad: []int{3, 5}},
		"Parquet columns":       {path: testdata("columns.parquet")},
		"Parquet index":         {path: testdata("index.parquet")},
		"Parquet list":          {path: testdata("list.parquet")},
		"Parquet fixed list":    {path: testdata("fixed.parquet")},
		"Parquet bytes":         {path: testdata("bytes.parquet")},
		"Parquet binary":        {path: testdata("binary.parquet")},
		"Parquet fixed":         {path: testdata("fixed_binary.parquet")},
		"Parquet bad list":      {path: testdata("bad_list.parquet"), bad: []int{2, 4, 5, 6}},
		"Parquet bad bytes":     {path: testdata("bad_bytes.parquet"), bad: []int{2, 4, 5}},
		"glyphs":                {path: "glyphs", o: dataset.Options{Rows: 9}},
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		if info, err := os.Stat(s.path); err == nil && !info.IsDir() && name != "picture" && !strings.HasSuffix(name, "vecs") {
			all[name+", piped"] = source{path: dataset.Stdin, o: s.o, stdin: fileBytes(t, s.path), bad: s.bad}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		if rows := s.open(t).Info().Rows; rows > 1 {
			s.o.Rows = rows - 1
			s.bad = slices.DeleteFunc(slices.Clone(s.bad), func(row int) bool { return row == rows-1 })
			all[name+", limited"] = s
		}
	}
	return all
}

// badRow returns the row that an error is about, -1 for other errors.
func badRow(err error) int {
	var bad interface {
		error
		BadRow() int
	}
	if !errors.As(err, &bad) || !errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n") {
		return -1
	}
	return bad.BadRow()
}

// values are what a pass found: rows one behind the other, bad ones as zeros.
type values[T byte | float32] struct {
	rows []T
	bad  []int
}

func (v values[T]) equal(w values[T]) bool {
	return slices.Equal(v.rows, w.rows) && slices.Equal(v.bad, w.bad)
}

// oneByOne reads what is left by Next or NextBytes.
func oneByOne[T byte | float32](t *testing.T, size int, next func([]T) (int, error)) (v values[T]) {
	t.Helper()
	for {
		row := make([]T, size)
		_, err := next(row)
		if errors.Is(err, io.EOF) {
			return v
		}
		if err != nil {
			if badRow(err) < 0 {
				t.Fatal(err)
			}
			v.bad = append(v.bad, badRow(err))
			clear(row)
		}
		v.rows = append(v.rows, row...)
	}
}

// batches reads what is left by Floats or Bytes, some values at a time, and decodes all of it at once beside the later reads.
func batches[T byte | float32](t *testing.T, size, some int, read func([]T) (int, dataset.Decode, error)) (v values[T]) {
	t.Helper()
	type decoded struct {
		rows []T
		bad  []error
		err  error
	}
	var pending []chan decoded
	for {
		dst := make([]T, some)
		for i := range dst {
			dst[i] = 77 // what was there before
		}
		n, decode, err := read(dst)
		if errors.Is(err, io.EOF) && n == 0 {
			break
		}
		if err != nil || n < 1 || n > some/size {
			t.Fatalf("%d rows of %d values in %d, %v", n, size, some, err)
		}
		c := make(chan decoded, 1)
		pending = append(pending, c)
		go func() {
			d := decoded{rows: dst[:n*size]}
			if decode != nil {
				d.bad, d.err = decode()
			}
			c <- d
		}()
	}
	for _, c := range pending {
		d := <-c
		if d.err != nil {
			t.Fatal(d.err)
		}
		v.rows = append(v.rows, d.rows...)
		for _, err := range d.bad {
			v.bad = append(v.bad, badRow(err))
		}
	}
	return v
}

// Every way to read a source gives the same rows and the same bad ones.
func TestReaders(t *testing.T) {
	t.Parallel()
	for name, s := range sources(t) {
		t.Run(name, func(t *testing.T) {
			r := s.open(t)
			info, size := r.Info(), r.Info().RowSize()
			want := oneByOne(t, size, r.Next)
			if len(want.rows) != info.Rows*size || !slices.Equal(want.bad, s.bad) {
				t.Fatalf("%+v: %d values, bad rows %v", info, len(want.rows), want.bad)
			}
			if n, _, err := r.Floats(make([]float32, size)); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("behind the end: %d, %v", n, err)
			}
			for _, some := range []int{size, size + 1, 2*size - 1, 2 * size, 3*size + 2, 100 * size} {
				if got := batches(t, size, some, s.open(t).Floats); !got.equal(want) {
					t.Errorf("%d values at a time: %v, want %v", some, got, want)
				}
			}
			for skip := range info.Rows + 2 {
				r := s.open(t)
				if err := errors.Join(r.Skip(skip/2), r.Skip(skip-skip/2)); err != nil {
					t.Fatal(err)
				}
				from := min(skip, info.Rows)
				rest := values[float32]{want.rows[from*size:], slices.DeleteFunc(slices.Clone(want.bad), func(row int) bool { return row < from })}
				if got := batches(t, size, 2*size+1, r.Floats); !got.equal(rest) {
					t.Errorf("after %d: %v, want %v", skip, got, rest)
				}
			}
			if _, err := r.Next(make([]float32, size)); !errors.Is(err, io.EOF) {
				t.Errorf("behind the end: %v", err)
			}
			if b, ok := s.open(t).(dataset.ByteReader); ok != (info.DType == "uint8") {
				t.Errorf("%s, bytes: %t", info.DType, ok)
			} else if ok {
				readerOfBytes(t, s, oneByOne(t, size, b.NextBytes), want)
			}
		})
	}
}

func readerOfBytes(t *testing.T, s source, bytes values[byte], floats values[float32]) {
	t.Helper()
	for i, b := range bytes.rows {
		if floats.rows[i] != float32(b)/255 {
			t.Fatalf("value %d is %g and %d", i, floats.rows[i], b)
		}
	}
	if !slices.Equal(bytes.bad, s.bad) {
		t.Errorf("bad rows %v", bytes.bad)
	}
	size := s.open(t).Info().RowSize()
	for _, some := range []int{size, 2*size + 1, 100 * size} {
		if got := batches(t, size, some, s.open(t).(dataset.ByteReader).Bytes); !got.equal(bytes) {
			t.Errorf("%d bytes at a time: %v, want %v", some, got, bytes)
		}
	}
}

// Tables and arrays of numpy, pandas and pyarrow hold what testdata/generate.py put into them.
func TestFilesOfOthers(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct {
		value  func(i int) float32
		labels bool
	}{
		"stored.npz":           {func(i int) float32 { return float32(i) / 16 }, false},
		"compressed.npz":       {func(i int) float32 { return float32(i) / 255 }, false},
		"compressed.npz:x":     {func(i int) float32 { return float32(i) / 255 }, false},
		"unclear.npz:second":   {func(i int) float32 { return 1 - float32(i)/16 }, false},
		"pandas.csv":           {func(i int) float32 { return float32(i) / 32 }, true},
		"pandas.csv.gz":        {func(i int) float32 { return float32(i) / 32 }, true},
		"quoted.csv":           {func(i int) float32 { return float32(i) / 32 }, true},
		"crlf.csv":             {func(i int) float32 { return float32(i) / 32 }, false},
		"columns.parquet":      {func(i int) float32 { return float32(i) / 32 }, true},
		"index.parquet":        {func(i int) float32 { return float32(i) / 32 }, true},
		"list.parquet":         {func(i int) float32 { return float32(i) / 32 }, true},
		"fixed.parquet":        {func(i int) float32 { return float32(i) / 32 }, true},
		"bytes.parquet":        {func(i int) float32 { return float32(9*i) / 255 }, true},
		"binary.parquet":       {func(i int) float32 { return float32(9*i) / 255 }, true},
		"fixed_binary.parquet": {func(i int) float32 { return float32(9*i) / 255 }, true},
	} {
		set, err := dataset.Load(t.Context(), filepath.Join("testdata", path), dataset.Options{Labels: true})
		if err != nil {
			t.Error(err)
			continue
		}
		if fmt.Sprint(set.Shape) != "[4]" || set.Labels != want.labels || set.Len() != 7 && !strings.Contains(path, ".npz") {
			t.Errorf("%s: %+v", path, set.Info)
		}
		row := make([]float32, 4)
		for i := range set.Len() {
			set.Row(i, row)
			for j, x := range row {
				if x != want.value(4*i+j) {
					t.Errorf("%s: row %d, value %d is %g, want %g", path, i, j, x, want.value(4*i+j))
				}
			}
			if label := set.Label(i); want.labels && label != i%3 || !want.labels && label != -1 {
				t.Errorf("%s: row %d has the label %d", path, i, label)
			}
		}
	}
}

// Reading bytes into memory that is there allocates nothing.
func BenchmarkBytes(b *testing.B) {
	path := write(b, "x", idxBytes(b, 4096, 28, 28))
	dst := make([]byte, 256*28*28)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	var r dataset.ByteReader
	for i := 0; b.Loop(); i++ {
		if i%16 == 0 {
			b.StopTimer()
			o, err := dataset.Open(b.Context(), path, dataset.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if r != nil {
				r.Close()
			}
			r = o.(dataset.ByteReader)
			b.StartTimer()
		}
		if n, _, err := r.Bytes(dst); n != 256 || err != nil {
			b.Fatal(n, err)
		}
	}
	r.Close()
}

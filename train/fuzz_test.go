package train

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxtensor"
	"gorgonia.org/tensor"
)

// weightsFile is a safetensors file of this header, announced with its length, and this many bytes of values.
func weightsFile(header string, values int) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(data, header...), make([]byte, values)...)
}

// hostileWeights holds files that must be refused, by what is wrong with them.
func hostileWeights(t testing.TB) map[string][]byte {
	good := goodWeights(t)
	one := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"w":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	length := func(n uint64) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), good[8:]...) }
	return map[string][]byte{
		"nothing":                           nil,
		"seven bytes":                       good[:7],
		"a value missing":                   good[:len(good)-1],
		"a byte more":                       append(bytes.Clone(good), 0),
		"a header of 2^63 bytes":            length(1 << 63),
		"a header of 2^64-1 bytes":          length(math.MaxUint64),
		"a header of 2^64-8 bytes":          length(math.MaxUint64 - 7),
		"a header of a gigabyte":            length(1 << 30),
		"a header of 16 MiB, cut":           length(1 << 24),
		"a header of no bytes":              weightsFile("", 0),
		"a header that is a list":           weightsFile(`[]`, 0),
		"a header that is deep":             weightsFile(strings.Repeat(`{"a":`, 100_000), 0),
		"a shape that is deep":              weightsFile(one("F32", strings.Repeat("[", 5000)+strings.Repeat("]", 5000), "[0,4]"), 4),
		"a shape of text":                   weightsFile(one("F32", `["a","b`+strings.Repeat("c", 1<<15)+`"]`, "[0,4]"), 4),
		"a gigabyte declared, little given": weightsFile(one("F32", "[268435456]", "[0,1073741824]"), 1<<10),
		"a gigabyte of shape, little given": weightsFile(one("F32", "[268435456]", "[0,1024]"), 1<<10),
		"sizes that overflow":               weightsFile(one("F32", "[4294967296,4294967296]", "[0,0]"), 0),
		"sizes that overflow to a byte":     weightsFile(one("F32", "[4611686018427387905]", "[0,4]"), 4),
		"a size that is negative":           weightsFile(one("F32", "[-1]", "[0,4]"), 4),
		"a size beyond int64":               weightsFile(one("F32", "[0,18446744073709551615]", "[0,0]"), 0),
		"sizes beyond int64 behind a zero":  weightsFile(one("F32", "[0,9223372036854775808,2]", "[0,0]"), 0),
		"a size that is no integer":         weightsFile(one("F32", "[1.5]", "[0,4]"), 4),
		"a size that is large":              weightsFile(one("F32", "[1e400]", "[0,4]"), 4),
		"offsets beyond the end":            weightsFile(one("F32", "[1]", "[4,8]"), 4),
		"offsets backwards":                 weightsFile(one("F32", "[1]", "[4,0]"), 4),
		"offsets that overflow":             weightsFile(one("F32", "[1]", "[18446744073709551612,18446744073709551616]"), 4),
		"three offsets":                     weightsFile(one("F32", "[1]", "[0,4,8]"), 4),
		"offsets that overlap":              weightsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12),
		"offsets with a gap":                weightsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, 12),
		"the same bytes twice":              weightsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
		"a name twice, of two shapes":       weightsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 8),
		"a type that is not":                weightsFile(one("F99", "[1]", "[0,4]"), 4),
		"a type that is not read":           weightsFile(one("I32", "[1]", "[0,4]"), 4),
		"a type that is not read, on lines": weightsFile(strings.Replace(one("I32", "[1]", "[0,4]"), `"w"`, `"a\nb"`, 1), 4),
		"metadata that is no text":          weightsFile(`{"__metadata__":{"a":[1]}}`, 0),
		"values without a tensor":           weightsFile(`{}`, 4),
	}
}

func goodWeights(t testing.TB) []byte {
	data, err := encodeTensors([]onnxtensor.Tensor{
		{Name: "w", Shape: []int64{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
		{Name: "b", Shape: []int64{3}, Data: []float64{1, 2, 3}},
		{Name: "none", Shape: []int64{0, 3}, Data: []float32{}},
	}, map[string]string{"by": "catvae"})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestHostileWeights(t *testing.T) {
	if _, err := parseTensors(goodWeights(t)); err != nil {
		t.Fatal(err)
	}
	for name, data := range hostileWeights(t) {
		if _, err := parseTensors(data); err == nil || strings.Contains(err.Error(), "\n") || len(err.Error()) > 2000 {
			t.Errorf("%s: the error is %.3000v, want one short line", name, err)
		}
	}
}

// FuzzWeights wants one short line of error, or tensors whose data is what their shapes ask for and what is in the file,
// for memory in proportion to it. What is taken can be written, and read again.
func FuzzWeights(f *testing.F) {
	f.Add(goodWeights(f))
	for _, data := range hostileWeights(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tensors, err := parseTensors(data)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+256*len(data)); got > most {
			t.Errorf("%d bytes are allocated for a file of %d, at most %d are wanted", got, len(data), most)
		}
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 2000 {
				t.Errorf("the error is %.3000v, want one short line", err)
			}
			return
		}
		size := 0
		for i, w := range tensors {
			if err := w.Check(); err != nil {
				t.Fatal(err)
			}
			if i > 0 && tensors[i-1].Name >= w.Name {
				t.Fatalf("%q follows %q", w.Name, tensors[i-1].Name)
			}
			dtype, n, _ := onnxtensor.DTypeOf(w.Data)
			size += n * map[onnxtensor.DType]int{onnxtensor.Float32: 4, onnxtensor.Float64: 8}[dtype]
		}
		if header := int(binary.LittleEndian.Uint64(data)); size != len(data)-8-header {
			t.Fatalf("the tensors have %d bytes, the file %d after its header", size, len(data)-8-header)
		}
		written, err := encodeTensors(tensors, nil)
		if err != nil {
			t.Fatalf("what is taken cannot be written: %v", err)
		}
		if again, err := parseTensors(written); err != nil || len(again) != len(tensors) {
			t.Fatalf("what is written cannot be read: %d tensors of %d, %v", len(again), len(tensors), err)
		}
		params, err := builder.NewParams(tensor.Float32, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := setParams(params, tensors); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("the error is %v, want one line", err)
		}
	})
}

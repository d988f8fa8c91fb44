// Roundtrip encodes rows with a catvae bundle and decodes their codes, by onnxruntime_go alone: nothing of catvae is imported.
//
//	ONNXRUNTIME_SHARED_LIBRARY_PATH=/path/libonnxruntime.so go run . BUNDLE CASE
//
// CASE is a folder that examples/cases writes: rows, and the codes and reconstructions that catvae makes of them.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/bits"
	"os"
	"path/filepath"

	ort "github.com/yalue/onnxruntime_go"
)

type manifest struct {
	Input struct {
		Shape         []int64
		Scale, Divide float64
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: roundtrip BUNDLE CASE")
		os.Exit(64)
	}
	same, err := roundtrip(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "roundtrip:", err)
	}
	if err != nil || !same {
		os.Exit(1)
	}
}

func roundtrip(bundle, folder string) (same bool, err error) {
	ort.SetSharedLibraryPath(os.Getenv("ONNXRUNTIME_SHARED_LIBRARY_PATH"))
	if err := ort.InitializeEnvironment(); err != nil {
		return false, err
	}
	defer ort.DestroyEnvironment()
	var m manifest
	data, err := os.ReadFile(filepath.Join(bundle, "manifest.json"))
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return false, err
	}
	c, err := read(folder, m)
	if err != nil {
		return false, err
	}

	// Encode: rows to logits, logits to packed codes.
	rows := int64(len(c.rows)) / ort.NewShape(m.Input.Shape...).FlattenedSize()
	logits, shape, err := run[float32](filepath.Join(bundle, "encoder.onnx"), "sample", "latent_logits", append([]int64{rows}, m.Input.Shape...), c.rows)
	if err != nil {
		return false, err
	}
	packed, _, err := run[byte](filepath.Join(bundle, "threshold.onnx"), "latent_logits", "packed_code", shape, logits)
	if err != nil {
		return false, err
	}

	// Decode the stored codes: bits, most significant first, as floats of the shape that the logits have.
	width, bytes := len(logits)/int(rows), len(c.codes)/int(rows)
	code := make([]float32, len(logits))
	for i := range code {
		bit := i % width
		code[i] = float32(c.codes[i/width*bytes+bit/8] >> (7 - bit%8) & 1)
	}
	rebuilt, _, err := run[float32](filepath.Join(bundle, "decoder.onnx"), "code", "reconstruction", shape, code)
	if err != nil {
		return false, err
	}
	return c.compare(packed, rebuilt, len(code))
}

// run gives a graph one input and returns one output with its shape.
func run[T ort.TensorData](path, input, output string, shape []int64, values []float32) ([]T, []int64, error) {
	in, err := ort.NewTensor(shape, values)
	if err != nil {
		return nil, nil, err
	}
	defer in.Destroy()
	session, err := ort.NewDynamicAdvancedSession(path, []string{input}, []string{output}, nil)
	if err != nil {
		return nil, nil, err
	}
	defer session.Destroy()
	out := []ort.Value{nil} // made by the run, whatever its shape
	if err := session.Run([]ort.Value{in}, out); err != nil {
		return nil, nil, err
	}
	defer out[0].Destroy()
	t, ok := out[0].(*ort.Tensor[T])
	if !ok {
		return nil, nil, fmt.Errorf("%s: %s is %T", path, output, out[0])
	}
	return append([]T(nil), t.GetData()...), t.GetShape(), nil
}

// What the files of a case hold.
type contents struct {
	rows, reconstruction []float32
	codes, near          []byte
}

func read(folder string, m manifest) (c contents, err error) {
	divide := float32(m.Input.Divide)
	if divide == 0 {
		divide = float32(1 / m.Input.Scale)
	}
	// Rows as the file has them become what the graph takes: a division, and nothing else.
	pixels, err := os.ReadFile(filepath.Join(folder, "rows.u8"))
	if errors.Is(err, fs.ErrNotExist) {
		c.rows, err = floats(filepath.Join(folder, "rows.f32"))
	}
	for _, b := range pixels {
		c.rows = append(c.rows, float32(b))
	}
	for i := range c.rows {
		c.rows[i] /= divide
	}
	if err == nil {
		c.codes, err = os.ReadFile(filepath.Join(folder, "codes.u8"))
	}
	if err == nil {
		c.near, err = os.ReadFile(filepath.Join(folder, "near.u8"))
	}
	if err == nil {
		c.reconstruction, err = floats(filepath.Join(folder, "reconstruction.f32"))
	}
	return c, err
}

func floats(path string) (values []float32, err error) {
	data, err := os.ReadFile(path)
	for ; len(data) >= 4; data = data[4:] {
		values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(data)))
	}
	return values, err
}

// compare prints in how many bits and values the two differ. Bits that rounding may flip are left aside.
func (c contents) compare(packed []byte, rebuilt []float32, n int) (same bool, err error) {
	if len(packed) != len(c.codes) || len(c.near) != len(c.codes) || len(rebuilt) != len(c.reconstruction) {
		return false, errors.New("the sizes differ")
	}
	var differ, aside, far int
	for i := range packed {
		aside += bits.OnesCount8(c.near[i])
		differ += bits.OnesCount8((packed[i] ^ c.codes[i]) &^ c.near[i])
	}
	for i, want := range c.reconstruction {
		if d := math.Abs(float64(rebuilt[i] - want)); !(d <= 1e-4*max(1, math.Abs(float64(want)))) {
			far++
		}
	}
	fmt.Printf("bits: %d equal, %d differ, %d aside; values: %d equal, %d differ\n", n-differ-aside, differ, aside, len(rebuilt)-far, far)
	return differ+far == 0, nil
}

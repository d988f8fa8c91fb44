package runtime_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// exampleBundle writes the bundle of a small untrained model into a new folder.
func exampleBundle() string {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	model := builder.Model{
		Input: []int{28, 28}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 20, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{8}}, Decoder: builder.MLP{Hidden: []int{8}}, Activation: builder.ReLU,
	}
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		log.Fatal(err)
	}
	trained := train.Trained{Name: "example", Model: model, Params: params}
	if _, err := trained.WriteBundle(context.Background(), filepath.Join(dir, "bundle"), train.BundleOptions{Backend: purego.New()}); err != nil {
		log.Fatal(err)
	}
	return dir
}

// Rows go in, packed codes come out: 3 bytes for the 20 bits of each row.
func ExampleOpen() {
	dir := exampleBundle()
	defer os.RemoveAll(dir)
	ctx := context.Background()

	model, err := runtime.Open(ctx, filepath.Join(dir, "bundle"), runtime.WithBackend(purego.New()))
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	rows := make([]float32, 3*model.Manifest().Input.RowSize()) // three rows of 0
	codes, err := model.Encode(ctx, nil, rows)
	if err != nil {
		log.Fatal(err)
	}
	bits, err := runtime.Unpack(model.Manifest().Latent, nil, codes)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Backend(), len(codes), "bytes,", len(bits), "bits")

	if _, err := model.Encode(ctx, nil, []float32{2}); errors.Is(err, runtime.ErrInput) {
		fmt.Println("half a row is refused")
	}
	// Output:
	// pure Go (cpu) 9 bytes, 60 bits
	// half a row is refused
}

// A file of pixels, row after row, is encoded without ever being in memory as a whole.
func ExampleStream() {
	dir := exampleBundle()
	defer os.RemoveAll(dir)
	ctx := context.Background()
	model, err := runtime.Open(ctx, filepath.Join(dir, "bundle"), runtime.WithBackend(purego.New(purego.WithThreads(1))))
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	size := model.Manifest().Input.RowSize()
	name := filepath.Join(dir, "pixels.raw")
	if err := os.WriteFile(name, make([]byte, 1000*size), 0o644); err != nil {
		log.Fatal(err)
	}

	file, err := os.Open(name)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	in := bufio.NewReader(file)
	source := func(dst []byte) (int, func() ([]error, error), error) {
		n, err := io.ReadFull(in, dst)
		if errors.Is(err, io.ErrUnexpectedEOF) && n%size == 0 { // the last rows
			err = io.EOF
		}
		return n / size, nil, err
	}
	rows, err := runtime.Stream(ctx, runtime.PackedCodes[byte](model), source, runtime.StreamOptions{Batch: 300}, func(r runtime.Results[byte]) error {
		fmt.Println("rows from", r.First, "have", len(r.Values), "bytes of codes")
		return nil
	})
	fmt.Println(rows, err)
	// Output:
	// rows from 0 have 900 bytes of codes
	// rows from 300 have 900 bytes of codes
	// rows from 600 have 900 bytes of codes
	// rows from 900 have 300 bytes of codes
	// 1000 <nil>
}

// Packed codes hold the most significant bit first; the last byte is padded with zeros.
func ExampleUnpack() {
	l := bundle.Latent{Kind: dist.Bernoulli, Variables: 10}
	bits, err := runtime.Unpack(l, nil, []byte{0b1010_0001, 0b1100_0000})
	fmt.Println(bits, err)
	// Output: [1 0 1 0 0 0 0 1 1 1] <nil>
}

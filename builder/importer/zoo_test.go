package importer_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// zooTolerance is how far results may be from those of PyTorch and Keras, relative to the largest or 1.
const zooTolerance = 1e-4

// Models of PyTorch and Keras, which testdata/zoo's scripts made, are imported, give what the frameworks gave for batches of 1, 2, 7 and 64,
// are trained on both engines with equal losses that fall, and are exported again after that. The committed ones are small;
// CATVAE_ZOO names a folder with all of them, whose results are printed as docs/import.md has them.
func TestZoo(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("CATVAE_ZOO")
	if dir == "" {
		dir = "testdata/zoo"
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no models in %s: %v", dir, err)
	}
	backends := []backend.Backend{ortest.Backend(t), purego.New()}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			name, _, _ := strings.Cut(filepath.Base(file), ".")
			n, x := zooNetwork(t, file)
			want := datatest.Floats(t, filepath.Join(dir, name+".y.npy"))
			apart := compareZoo(t, n, backends, x, want)
			first, last := trainZoo(t, n, backends, x)
			t.Logf("| %s | %d | %.0e | %.3f to %.3f |", filepath.Base(file), len(n.Parameters()), apart, first, last)
		})
	}
}

const zooRows = 64

// zooNetwork reads a model, an encoder or one that takes codes, and makes rows for it, as the scripts do.
func zooNetwork(t *testing.T, file string) (n *importer.Network, rows []float32) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n, err = importer.Encoder(data, importer.Options{}); err != nil || len(n.Input()) == 1 {
		n, err = importer.Decoder(data, importer.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	rows = make([]float32, zooRows*n.Width())
	for i := range rows {
		if rows[i] = float32(uint32(i)*2654435761>>8) / (1 << 24); len(n.Input()) == 1 {
			rows[i] = float32(math.Round(float64(rows[i])))
		}
	}
	return n, rows
}

func compareZoo(t *testing.T, n *importer.Network, backends []backend.Backend, x, want []float32) (apart float64) {
	t.Helper()
	params := zooParams(t)
	trace := exportTrace(params, n)
	data := exported(t, trace)
	width := n.Width()
	for _, back := range backends {
		loaded, err := backend.Load(t.Context(), back, data, "exported")
		if err != nil {
			t.Fatal(err)
		}
		defer loaded.Close()
		for _, batch := range []int{1, 2, 7, zooRows} {
			got, err := loaded.Run(t.Context(), onnxtensor.Tensor{Name: "x", Shape: []int64{int64(batch), int64(width)}, Data: x[:batch*width]})
			if err != nil {
				t.Fatalf("%s: %v", back.Name(), err)
			}
			scale, worst := 1.0, 0.0
			y := got[0].Data.([]float32)
			if len(y) != batch*n.Size() {
				t.Fatalf("%s: %d numbers for %d rows, want %d", back.Name(), len(y), batch, batch*n.Size())
			}
			for i, v := range y[:min(len(y), len(want))] {
				y, w := float64(v), float64(want[i])
				if n.Gives() == importer.Probabilities {
					y = 1 / (1 + math.Exp(-y))
				}
				scale, worst = max(scale, math.Abs(w)), max(worst, math.Abs(y-w))
			}
			if !(worst <= zooTolerance*scale) {
				t.Errorf("%s, batch %d: results are up to %g apart from the framework's", back.Name(), batch, worst)
			}
			apart = max(apart, worst/scale)
		}
	}
	return apart
}

func zooParams(t *testing.T) *builder.Params {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

func exportTrace(params *builder.Params, n *importer.Network) export.Trace {
	return func(batch int) (export.Traced, error) {
		b := builder.New(params)
		x := b.Input("x", batch, n.Width())
		y := buildZoo(b, n, x)
		return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}}}, b.Err()
	}
}

// buildZoo builds a network as the part of a model that its parameters are named after.
func buildZoo(b *builder.Graph, n *importer.Network, x *G.Node) *G.Node {
	part, _, _ := strings.Cut(n.Parameters()[0].Name, "/")
	return b.In(part, func() *G.Node { return n.Build(b, x) })
}

func exported(t *testing.T, trace export.Trace) []byte {
	t.Helper()
	model, err := export.Graph(t.Context(), trace, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := model.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// trainZoo takes steps towards results of the sines' signs on both engines, and exports what was learned.
func trainZoo(t *testing.T, n *importer.Network, backends []backend.Backend, x []float32) (first, last float64) {
	t.Helper()
	const batch, steps = 8, 6
	trace := func(g *G.ExprGraph, batch int) (engine.Objective, error) {
		b := builder.Over(g, zooParams(t))
		in, target := b.Input("x", batch, n.Width()), b.Input("target", batch, n.Size())
		y := buildZoo(b, n, in)
		if b.Err() != nil {
			return engine.Objective{}, b.Err()
		}
		each := b.Square(b.Sub(b.Reshape(y, batch, n.Size()), target))
		loss := b.Div(b.Sum(b.Div(b.Sum(each, 1), b.Number(float64(n.Size())))), b.Number(float64(batch)))
		_, parameters := b.Parameters()
		return engine.Objective{Loss: loss, Parameters: parameters, Inputs: G.Nodes{in, target}, Updates: b.Updates()}, b.Err()
	}
	target := make([]float32, batch*n.Size())
	for i := range target {
		target[i] = float32(math.Copysign(0.5, math.Sin(float64(i%n.Size())+0.1)))
	}
	rows := engine.Batch{"x": x[:batch*n.Width()], "target": target}
	o := engine.Optimizer{Name: "adam", LearningRate: 0.003}
	tape, err := engine.NewTape(t.Context(), trace, o, batch)
	if err != nil {
		t.Fatal(err)
	}
	defer tape.Close()
	compiled, err := engine.Compile(t.Context(), backends[0], trace, o, batch, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer compiled.Close()
	start := compiled.State()
	for step := range steps {
		a, err := tape.Step(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		c, err := compiled.Step(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(a[0][0]-c[0][0]) <= 1e-3*max(1, a[0][0])) {
			t.Errorf("step %d: the loss is %g on the tape, %g compiled", step, a[0][0], c[0][0])
		}
		if last = c[0][0]; step == 0 {
			first = last
		}
	}
	if !(last < first) {
		t.Errorf("the loss goes from %g to %g", first, last)
	}
	state := compiled.State()
	var learned []onnxtensor.Tensor
	for _, p := range n.Parameters() {
		was, _ := start.Tensor(p.Name)
		is, ok := state.Tensor(p.Name)
		if !ok || fmt.Sprint(was.Data) == fmt.Sprint(is.Data) {
			t.Errorf("parameter %s has not moved", p.Name)
		}
		learned = append(learned, is)
	}
	again := export.WithValues(exportTrace(zooParams(t), n), learned)
	data := exported(t, again)
	for _, back := range backends {
		loaded, err := backend.Load(t.Context(), back, data, "exported again")
		if err != nil {
			t.Fatal(err)
		}
		defer loaded.Close()
		if _, err := export.Verify(t.Context(), loaded, again, []int{2}, func(batch int) []onnxtensor.Tensor {
			return []onnxtensor.Tensor{{Name: "x", Shape: []int64{int64(batch), int64(n.Width())}, Data: x[:batch*n.Width()]}}
		}); err != nil {
			t.Errorf("exported again, on %s: %v", back.Name(), err)
		}
	}
	return first, last
}

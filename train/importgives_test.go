package train_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"google.golang.org/protobuf/proto"
)

// ended writes one of PyTorch's graphs with operators behind its result, each "Op number number".
func ended(t *testing.T, name string, operators ...string) string {
	t.Helper()
	data, err := os.ReadFile(torch + name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxpb.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]float32{"eps": 1e-3, "rest": 1 - 1e-3, "nought": 0, "one": 1, "half": 0.5, "far": 1000}
	for name, x := range numbers {
		m.Graph.Initializer = append(m.Graph.Initializer, &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(1), FloatData: []float32{x}})
	}
	x := m.Graph.Output[0].GetName()
	for _, text := range operators {
		words := strings.Fields(text)
		out := x + words[0]
		m.Graph.Node = append(m.Graph.Node, &onnxpb.NodeProto{Name: &out, OpType: &words[0], Input: append([]string{x}, words[1:]...), Output: []string{out}})
		x = out
	}
	m.Graph.Output[0].Name = &x
	if data, err = onnxpb.Marshal(m); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// importFiles imports an encoder and a decoder, and returns what was said.
func importFiles(t *testing.T, encoder, decoder builder.ONNX, rows []float32) (run string, said []string, made train.Imported, err error) {
	t.Helper()
	c, err := train.LoadConfig(models.DefaultName, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"data.binarize=none", "objective.kl_warmup=0"} {
		if err := c.Set(set); err != nil {
			t.Fatal(err)
		}
	}
	c.Encoder.Import(encoder)
	c.Decoder.Import(decoder)
	run = filepath.Join(t.TempDir(), "run")
	made, err = train.Import(t.Context(), train.ImportOptions{Config: c, Rows: rows, Out: run, Backend: purego.New(), Log: func(line string) { said = append(said, line) }})
	return run, said, made, err
}

// An encoder and a decoder whose sigmoids are clamped give the codes and reconstructions of their files, in the bundle and in a run that
// is opened again.
func TestImportProbabilities(t *testing.T) {
	t.Parallel()
	const encoder, decoder = "bernoulli-script-encoder.onnx", "bernoulli-script-decoder.onnx"
	plain, _, _, err := importFiles(t, builder.ONNX{Graph: torch + encoder}, builder.ONNX{Graph: torch + decoder}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := torchFloats(t, "bernoulli-x.npy")
	for name, c := range map[string]struct{ encoder, decoder builder.ONNX }{
		"told by the ends": {builder.ONNX{Graph: ended(t, encoder, "Sigmoid", "Clip eps rest")}, builder.ONNX{Graph: ended(t, decoder, "Clip eps rest")}},
		"said":             {builder.ONNX{Graph: ended(t, encoder, "Sigmoid", "Mul half", "Add half", "Sub half", "Add nought", "Clip nought half", "Div half"), Gives: "probabilities"}, builder.ONNX{Graph: ended(t, decoder, "Mul rest"), Gives: "probabilities"}},
	} {
		run, said, made, err := importFiles(t, c.encoder, c.decoder, rows)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if made.Compared < 70 || made.Codes < 10 || strings.Contains(strings.Join(said, " "), "warning") {
			t.Errorf("%s: %d rows compared, %d codes, %q", name, made.Compared, made.Codes, said)
		}
		if !slices.Equal(codesOf(t, run, rows), codesOf(t, plain, rows)) {
			t.Errorf("%s: the codes are not those of the encoder without its end", name)
		}
		trained, err := train.OpenRun(run, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, err := trained.InMemory(t.Context(), purego.New())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		codes, err := m.Encode(t.Context(), nil, rows)
		if err != nil || !slices.Equal(codes, codesOf(t, run, rows)) {
			t.Errorf("%s: the run gives other codes than its bundle: %v", name, err)
		}
	}
}

func codesOf(t *testing.T, run string, rows []float32) []byte {
	t.Helper()
	m, err := runtime.Open(t.Context(), filepath.Join(run, train.BundleDir), runtime.WithBackend(purego.New()))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	codes, err := m.Encode(t.Context(), nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

// What is bounded is not taken as logits; what is said and not so is found by running the file; a constant code is told.
func TestImportDoubtful(t *testing.T) {
	t.Parallel()
	const encoder, decoder = "bernoulli-script-encoder.onnx", "bernoulli-script-decoder.onnx"
	for name, c := range map[string]struct {
		encoder, decoder builder.ONNX
		words            string
	}{
		"a bounded encoder":               {builder.ONNX{Graph: ended(t, encoder, "Clip nought one")}, builder.ONNX{Graph: torch + decoder}, "encoder.gives"},
		"a bounded decoder":               {builder.ONNX{Graph: torch + encoder}, builder.ONNX{Graph: ended(t, decoder, "Mul half")}, "decoder.gives"},
		"a wrong word":                    {builder.ONNX{Graph: torch + encoder, Gives: "bits"}, builder.ONNX{Graph: torch + decoder}, "logits or probabilities"},
		"logits said to be probabilities": {builder.ONNX{Graph: torch + encoder, Gives: "probabilities"}, builder.ONNX{Graph: torch + decoder}, "one of them is"},
	} {
		run, _, _, err := importFiles(t, c.encoder, c.decoder, nil)
		if !errors.Is(err, importer.ErrGives) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: the error is %v, want %v with %q", name, err, importer.ErrGives, c.words)
		}
		if _, err := os.Stat(run); err == nil {
			t.Errorf("%s: a run was written", name)
		}
	}
	_, said, _, err := importFiles(t, builder.ONNX{Graph: ended(t, encoder, "Sigmoid"), Gives: "logits"}, builder.ONNX{Graph: torch + decoder}, torchFloats(t, "bernoulli-x.npy"))
	if text := strings.Join(said, "\n"); err != nil || strings.Count(text, "warning") != 2 {
		t.Errorf("probabilities taken as logits: %v; what is said is %q, want two warnings", err, text)
	}
}

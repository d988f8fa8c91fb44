package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/rundir"
	"gorgonia.org/tensor"
)

// graphsDir is where a run folder keeps the ONNX files that its configuration names: encoder.graph and decoder.graph.
const graphsDir = rundir.Graphs

// maxGraph is the largest graph that is read: ONNX itself ends at 2 GiB.
const maxGraph = 2<<30 - 1

// networks are the imported graphs that replace a configuration's perceptrons.
type networks struct {
	encoder, decoder *importer.Network // nil for none
	files            map[string][]byte // by their names in a run folder
}

// readNetworks imports the graphs that a configuration names. Categories are those of each variable, 0 for Bernoulli variables. Names are below dir where a
// run's own configuration is read, and paths where dir is "". It returns the
// configuration for the run folder: there a file's name has the start of its SHA-256, so that a run continues with the
// same graph that it began with.
func readNetworks(dir string, c Config, categories int) (networks, Config, error) {
	n := networks{files: map[string][]byte{}}
	for _, part := range []struct {
		name string
		of   *builder.NetworkConfig
		to   **importer.Network
		read func(model []byte, o importer.Options) (*importer.Network, error)
	}{
		{"encoder", &c.Encoder, &n.encoder, importer.Encoder},
		{"decoder", &c.Decoder, &n.decoder, importer.Decoder},
	} {
		graph, ok := part.of.Network.(builder.ONNX)
		if !ok || graph.Graph == "" {
			continue
		}
		path := filepath.FromSlash(graph.Graph)
		if dir != "" {
			local, err := readfile.Local(graph.Graph)
			if err != nil {
				return n, c, fmt.Errorf("train: %s.graph of the run %s: %w: %w", part.name, dir, err, ErrConfig)
			}
			path = filepath.Join(dir, local)
		}
		data, err := importer.ReadFile(path)
		if err != nil {
			return n, c, fmt.Errorf("train: %s.graph: %w: a configuration and the graphs that it names belong together", part.name, err)
		}
		*part.to, err = part.read(data, importer.Options{Output: graph.Output, Gives: importer.Gives(graph.Gives), Categories: categories})
		if errors.Is(err, importer.ErrGives) {
			err = fmt.Errorf("%w by %s.gives or %s.output", err, part.name, part.name)
		}
		if err != nil {
			return n, c, fmt.Errorf("train: %s: %w", path, err)
		}
		graph.Graph = fmt.Sprintf("%s/%s-%s.onnx", graphsDir, part.name, hashOf(data)[:12])
		graph.Imported = *part.to
		part.of.Network = graph
		n.files[graph.Graph] = data
	}
	return n, c, nil
}

// graphOf returns the ONNX file that a network was imported from, "" for none.
func graphOf(n builder.NetworkConfig) string {
	if o, ok := n.Network.(builder.ONNX); ok {
		return o.Graph
	}
	return ""
}

// check reports imported parts that do not fit the model: rows of another size, or other latent variables.
func (n networks) check(m builder.Model, source string) error {
	for _, part := range []struct {
		name  string
		of    *importer.Network
		gives bool // codes, and takes rows; the decoder the other way round
	}{{"encoder", n.encoder, true}, {"decoder", n.decoder, false}} {
		if part.of == nil {
			continue
		}
		rows, codes := part.of.Width(), part.of.Size()
		if !part.gives {
			rows, codes = codes, rows
		}
		shape, of := m.SeenShape(), m.Latent.Dist().Lowest()
		if !part.gives {
			shape, of = m.TargetShape(), m.Latent.Dist().Decoded().Latent
		}
		width := tensor.Shape(shape).TotalSize()
		if rows != width {
			return fmt.Errorf("train: rows of %s have %d values for the %s, its graph is made for %d: give the rows that it was trained on: %w", source, width, part.name, rows, dataset.ErrData)
		}
		want := of.Bits()
		if part.gives {
			want = of.Logits()
		}
		if codes != want {
			return fmt.Errorf("train: the graph of the %s is made for codes of %d numbers, the latent variables make %d: set latent.variables (and latent.categories) to what it was trained with: %w", part.name, codes, want, ErrConfig)
		}
		if k := part.of.Categories(); part.gives && k > 0 && k != m.Latent.Categories {
			return fmt.Errorf("train: the graph of the encoder gives variables of %d categories: set latent.kind=categorical, latent.variables=%d and latent.categories=%d: %w", k, codes/k, k, ErrConfig)
		}
	}
	return nil
}

// write writes the graphs into a run folder.
func (n networks) write(root *os.Root) error {
	if len(n.files) == 0 {
		return nil
	}
	if err := root.MkdirAll(graphsDir, 0o755); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for name, data := range n.files {
		if err := atomicfile.WriteIn(root, name, 0o644, data); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	return nil
}

// input returns the shape of rows that the encoder's graph was exported for, nil where there is none: pictures of one
// channel are pictures.
func (n networks) input() []int {
	if n.encoder == nil {
		return nil
	}
	shape := slices.Clone(n.encoder.Input())
	if len(shape) == 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	return shape
}

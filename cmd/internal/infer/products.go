package infer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime"
)

// A Mode is what rows are turned into.
type Mode string

// The modes. Decode takes packed codes; the others take rows.
const (
	Encode      Mode = "encode"
	Decode      Mode = "decode"
	Reconstruct Mode = "reconstruct"
	Score       Mode = "score"
)

// Codes says what encode writes.
type Codes string

// The kinds of codes.
const (
	Packed Codes = "packed"
	Index  Codes = "index"
	Logits Codes = "logits"
	Query  Codes = "query"
)

// A product is what a job makes of a row: a row of the table of products.
type product struct {
	mode  Mode
	codes Codes  // of Encode, which makes several products; Packed elsewhere
	name  string // of many, for people
	doc   string // type and layout

	label      string           // of the values, in CSV and JSON lines
	dtype      onnxtensor.DType // Uint8 or Float32
	packed     bool             // the values are a packed code
	takesCodes bool             // rows are packed codes
	shape      func(m *bundle.Manifest) []int
	check      func(m *bundle.Manifest) error // reports a model that cannot make the product; nil where every model can
	stream     streaming
}

// streaming runs a task on rows and returns how many there were.
type streaming func(ctx context.Context, m *runtime.Model, rows sources, o runtime.StreamOptions, write writeResults) (int, error)

// writeResults takes what rows became, in order, and the errors of those that are bad.
type writeResults func(results, []error) error

// products is the table of what can be made.
var products = []product{
	{
		mode: Encode, codes: Packed, name: "packed codes", doc: "uint8, 8 bits a byte",
		label: "code", dtype: onnxtensor.Uint8, packed: true,
		shape:  func(m *bundle.Manifest) []int { return []int{m.Latent.PackedBytes()} },
		stream: bytesOf(runtime.PackedCodes[byte], runtime.PackedCodes[float32]),
	},
	{
		mode: Encode, codes: Index, name: "indexes", doc: "uint8, one category or bit a variable",
		label: "index", dtype: onnxtensor.Uint8,
		shape:  func(m *bundle.Manifest) []int { return []int{m.Latent.Variables} },
		check:  checkIndexes,
		stream: bytesOf(runtime.IndexCodes[byte], runtime.IndexCodes[float32]),
	},
	{
		mode: Encode, codes: Logits, name: "logits", doc: "float32",
		label: "logits", dtype: onnxtensor.Float32,
		shape:  func(m *bundle.Manifest) []int { return m.Latent.Dist().LogitsShape() },
		stream: floatsOf(runtime.LatentLogits[byte], runtime.LatentLogits[float32]),
	},
	{
		mode: Encode, codes: Query, name: "queries", doc: "float32, what a search scores codes by",
		label: "query", dtype: onnxtensor.Float32,
		shape:  func(m *bundle.Manifest) []int { return m.Latent.Dist().CodeShape() },
		stream: floatsOf(runtime.Queries[byte], runtime.Queries[float32]),
	},
	{
		mode: Decode, codes: Packed, name: "reconstructions", doc: "float32, from packed codes",
		label: "reconstruction", dtype: onnxtensor.Float32, takesCodes: true,
		shape:  (*bundle.Manifest).TargetShape,
		stream: floatsOf(runtime.DecodedCodes, nil),
	},
	{
		mode: Reconstruct, codes: Packed, name: "reconstructions", doc: "float32, from rows by way of their codes",
		label: "reconstruction", dtype: onnxtensor.Float32,
		shape:  (*bundle.Manifest).TargetShape,
		stream: floatsOf(runtime.Reconstructions[byte], runtime.Reconstructions[float32]),
	},
	{
		mode: Score, codes: Packed, name: "scores", doc: "float32, one a row, in nats",
		label: "score", dtype: onnxtensor.Float32,
		shape:  func(*bundle.Manifest) []int { return nil },
		check:  checkScores,
		stream: floatsOf(runtime.Scores[byte], runtime.Scores[float32]),
	},
}

// productOf returns the row of a mode and of codes.
func productOf(mode Mode, codes Codes) (product, bool) {
	i := slices.IndexFunc(products, func(p product) bool { return p.mode == mode && p.codes == codes })
	if i < 0 {
		return product{}, false
	}
	return products[i], true
}

// modes returns the modes of the table.
func modes() (all []string) {
	for _, p := range products {
		if !slices.Contains(all, string(p.mode)) {
			all = append(all, string(p.mode))
		}
	}
	return all
}

// codesOf returns the kinds of codes of the table, and what each is.
func codesOf() (all, docs []string) {
	for _, p := range products {
		if p.mode == Encode {
			all, docs = append(all, string(p.codes)), append(docs, fmt.Sprintf("%s (%s)", p.codes, p.doc))
		}
	}
	return all, docs
}

func rowShape(m *bundle.Manifest) []int { return m.Input.RowShape() }

// checkScores reports a model that has no scores.
func checkScores(m *bundle.Manifest) error {
	if p := m.Predicted; p != nil {
		return fmt.Errorf("infer: %w: the model predicts the last %d lines of a row from the rest: it says nothing of how likely a row is, and has no scores: use another mode, or catvae eval for bounds", ErrJob, p.Lines)
	}
	return nil
}

// checkIndexes reports a model with more categories than a byte counts.
func checkIndexes(m *bundle.Manifest) error {
	most := 0
	for _, p := range m.Latent.Dist().Parts() {
		most = max(most, p.Choices(0))
	}
	if n := most; n > 256 {
		return fmt.Errorf("infer: %w: an index holds up to 256 categories, the model has %d: write packed codes", ErrJob, n)
	}
	return nil
}

// sources are where a job's rows come from: as floats, and as bytes where the reader has bytes.
type sources struct {
	bytes  runtime.Source[byte]
	floats runtime.Source[float32]
}

// sources returns where the plan's rows come from.
func (p *Plan) sources(r dataset.Reader) sources {
	s := sources{floats: r.Floats}
	if b, ok := r.(dataset.ByteReader); ok && !p.asFloats() {
		s.bytes = b.Bytes
	}
	return s
}

// errFloats says that a product can only be made from bytes.
var errFloats = errors.New("infer: rows of bytes are needed")

// streamOf runs one of two tasks on rows: the first where the rows are bytes, else the second.
func streamOf[R runtime.Value](ctx context.Context, m *runtime.Model, rows sources, o runtime.StreamOptions,
	bytes func(*runtime.Model) runtime.Task[byte, R], floats func(*runtime.Model) runtime.Task[float32, R], write func(runtime.Results[R]) error) (int, error) {
	switch {
	case rows.bytes != nil:
		return runtime.Stream(ctx, bytes(m), rows.bytes, o, write)
	case floats == nil:
		return 0, errFloats
	}
	return runtime.Stream(ctx, floats(m), rows.floats, o, write)
}

// floatsOf streams tasks whose results are floats.
func floatsOf(bytes func(*runtime.Model) runtime.Task[byte, float32], floats func(*runtime.Model) runtime.Task[float32, float32]) streaming {
	return func(ctx context.Context, m *runtime.Model, rows sources, o runtime.StreamOptions, write writeResults) (int, error) {
		return streamOf(ctx, m, rows, o, bytes, floats, func(r runtime.Results[float32]) error {
			return write(results{r.First, r.Rows, nil, r.Values}, r.Bad)
		})
	}
}

// bytesOf streams tasks whose results are bytes.
func bytesOf(bytes func(*runtime.Model) runtime.Task[byte, byte], floats func(*runtime.Model) runtime.Task[float32, byte]) streaming {
	return func(ctx context.Context, m *runtime.Model, rows sources, o runtime.StreamOptions, write writeResults) (int, error) {
		return streamOf(ctx, m, rows, o, bytes, floats, func(r runtime.Results[byte]) error {
			return write(results{r.First, r.Rows, r.Values, nil}, r.Bad)
		})
	}
}

package builder

import (
	"context"
	"fmt"
	"hash"
	"slices"

	"github.com/catvae/catvae/internal/additive"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// searchOp finds the codes of rows in codebooks, and gives the score of each category given the final choice of the others: what
// additive.Codebooks.Encode does. Operands are the rows [batch, width], the words [variables·categories, width], the bias [width], and, where
// norms weigh, the norm that decoded rows should have [1]; the result is [batch, variables, categories]. It has no gradient.
type searchOp struct {
	opBase
	Variables, Categories int
	Search                additive.Search
}

var _ G.SDOp = searchOp{}

func (op searchOp) Arity() int {
	if op.Search.NormWeight > 0 {
		return 4
	}
	return 3
}

func (op searchOp) Type() hm.Type {
	of := hm.TypeVariable('a')
	types := []hm.Type{typeOf(2, of), typeOf(2, of), typeOf(1, of), typeOf(1, of)}[:op.Arity()]
	return hm.NewFnType(append(types, typeOf(3, of))...)
}

func (op searchOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	rows, words := in[0].(tensor.Shape), in[1].(tensor.Shape)
	if len(rows) != 2 || len(words) != 2 || rows[1] != words[1] || words[0] != op.Variables*op.Categories {
		return nil, fmt.Errorf("builder: %v of rows %v and words %v", op, rows, words)
	}
	return tensor.Shape{rows[0], op.Variables, op.Categories}, nil
}

func (op searchOp) String() string {
	return fmt.Sprintf("Search %d codebooks of %d words, beam %d, %d sweeps, norm %g", op.Variables, op.Categories, op.Search.Beam, op.Search.Sweeps, op.Search.NormWeight)
}
func (op searchOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op searchOp) Hashcode() uint32      { return hashcode(op) }
func (op searchOp) DiffWRT(n int) []bool  { return make([]bool, n) }
func (op searchOp) SymDiff(in G.Nodes, _, _ *G.Node) (G.Nodes, error) {
	return make(G.Nodes, len(in)), nil
}

// Do computes in float32 whatever the graph's type.
func (op searchOp) Do(in ...G.Value) (G.Value, error) {
	to, err := op.InferShape(in[0].Shape(), in[1].Shape())
	if err != nil {
		return nil, err
	}
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	var of [4][]float32
	wide := false
	for i, d := range data {
		switch x := d.(type) {
		case []float32:
			of[i] = x
		case []float64:
			of[i], wide = converted[float32](x), true
		default:
			return nil, fmt.Errorf("builder: %v got %T: use float32 or float64", op, d)
		}
	}
	books := additive.Codebooks{Variables: op.Variables, Categories: op.Categories, Width: in[0].Shape()[1], Words: of[1], Bias: of[2]}
	if op.Arity() == 4 {
		books.Norm = of[3][0]
	}
	_, scores, err := books.Encode(context.Background(), of[0], op.Search)
	if err != nil {
		return nil, err
	}
	if wide {
		return valueOf(converted[float64](scores), to), nil
	}
	return valueOf(scores, to), nil
}

func converted[To, From float](x []From) []To {
	y := make([]To, len(x))
	for i, v := range x {
		y[i] = To(v)
	}
	return y
}

// ONNX writes the search as a graph of products, TopK and Gather.
func (op searchOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	several, ok := w.(onnxop.SeveralWriter)
	if !ok {
		return "", fmt.Errorf("the writer has no nodes of several outputs")
	}
	s := newSearchGraph(op, w, several, in, shapes[0][1])
	s.beam()
	for range op.Search.Sweeps {
		for v := range op.Variables {
			found, without := s.score(v)
			s.code[v] = w.Node("ArgMax", map[string]any{"axis": int64(1), "keepdims": int64(0)}, found)
			s.y = w.Node("Add", nil, without, w.Node("Gather", nil, s.book[v], s.code[v]))
		}
	}
	return s.scores(), nil
}

// A searchGraph writes a search in ONNX, step by step as package additive computes it. Values are names.
type searchGraph struct {
	searchOp
	w       ONNXWriter
	several onnxop.SeveralWriter
	width   int64

	x, bias, norm string
	book          []string // of each variable, [categories, width]
	half          []string // ½‖w‖² of its words, [categories]
	table         []string // inner products of x with its words, [batch, categories]
	y             string   // decoded rows, [batch, width]
	code          []string // of each variable, [batch]
}

func newSearchGraph(op searchOp, w ONNXWriter, several onnxop.SeveralWriter, in []string, width int64) *searchGraph {
	s := &searchGraph{searchOp: op, w: w, several: several, width: width, x: in[0], bias: in[2], code: make([]string, op.Variables)}
	if len(in) == 4 {
		s.norm = in[3]
	}
	squares := w.Node("ReduceSum", map[string]any{"keepdims": int64(0)}, w.Node("Mul", nil, in[1], in[1]), w.Ints(1))
	half := w.Node("Mul", nil, squares, w.Numbers([]float64{0.5}))
	table := w.Node("Gemm", map[string]any{"transB": int64(1)}, s.x, in[1])
	for v := range op.Variables {
		from, to := w.Ints(int64(v*op.Categories)), w.Ints(int64((v+1)*op.Categories))
		s.book = append(s.book, w.Node("Slice", nil, in[1], from, to, w.Ints(0)))
		s.half = append(s.half, w.Node("Slice", nil, half, from, to, w.Ints(0)))
		s.table = append(s.table, w.Node("Slice", nil, table, from, to, w.Ints(1)))
	}
	return s
}

// products returns rows · wordsᵀ of a variable, plus what is added to each word's.
func (s *searchGraph) products(rows string, v int, plus string) string {
	return s.w.Node("Gemm", map[string]any{"transB": int64(1)}, rows, s.book[v], plus)
}

func (s *searchGraph) reshape(x string, shape ...int64) string {
	return s.w.Node("Reshape", nil, x, s.w.Ints(shape...))
}

// picked returns x[b, at[b, …]] for x [batch, n, …].
func (s *searchGraph) picked(x, at string) string {
	return s.w.Node("GatherND", map[string]any{"batch_dims": int64(1)}, x, s.w.Node("Unsqueeze", nil, at, s.w.Ints(-1)))
}

// split returns the parent and the category of places in [kept · categories].
func (s *searchGraph) split(at string) (parent, category string) {
	k := s.w.Ints(int64(s.Categories))
	parent = s.w.Node("Div", nil, at, k)
	return parent, s.w.Node("Sub", nil, at, s.w.Node("Mul", nil, parent, k))
}

// beam searches codebook after codebook. left is what each kept code leaves of a row, [batch, kept, width].
func (s *searchGraph) beam() {
	w := s.w
	left := w.Node("Unsqueeze", nil, w.Node("Sub", nil, s.x, s.bias), w.Ints(1))
	kept, score := int64(1), ""
	places := make([]string, s.Variables)
	for v := range s.Variables {
		found := s.products(s.reshape(left, -1, s.width), v, w.Node("Neg", nil, s.half[v]))
		if v > 0 {
			found = w.Node("Add", nil, s.reshape(found, -1, kept, int64(s.Categories)), w.Node("Unsqueeze", nil, score, w.Ints(-1)))
			found = s.reshape(found, -1, kept*int64(s.Categories))
		}
		next := min(int64(s.Search.Beam), kept*int64(s.Categories))
		top := s.several.Several(2, "TopK", map[string]any{"axis": int64(1)}, found, w.Ints(next))
		score, places[v] = top[0], top[1]
		parent, category := s.split(places[v])
		if v == 0 { // one parent for all
			left = w.Node("Sub", nil, left, w.Node("Gather", nil, s.book[v], places[v]))
		} else {
			left = w.Node("Sub", nil, s.picked(left, parent), w.Node("Gather", nil, s.book[v], category))
		}
		kept = next
	}
	if s.Search.NormWeight > 0 {
		norms := w.Node("ReduceL2", map[string]any{"axes": []int64{2}, "keepdims": int64(0)}, w.Node("Sub", nil, w.Node("Unsqueeze", nil, s.x, w.Ints(1)), left))
		gap := w.Node("Sub", nil, norms, s.norm)
		score = w.Node("Sub", nil, score, w.Node("Mul", nil, w.Node("Mul", nil, gap, gap), w.Numbers([]float64{s.Search.NormWeight / 2})))
	}
	at := w.Node("ArgMax", map[string]any{"axis": int64(1), "keepdims": int64(1)}, score) // [batch, 1]
	s.y = w.Node("Sub", nil, s.x, s.reshape(s.picked(left, at), -1, s.width))
	for v := range slices.Backward(places) {
		parent, category := s.split(w.Node("GatherElements", map[string]any{"axis": int64(1)}, places[v], at))
		s.code[v], at = s.reshape(category, -1), parent
	}
}

// score returns what each category of variable v scores given the others, [batch, categories], and the decoded rows without its word: with
// q2 = 2⟨s, w⟩ + ‖w‖²,
//
//	⟨x, w⟩ - ½(1+λ) q2 + λ ν √(‖s‖² + q2)
func (s *searchGraph) score(v int) (found, without string) {
	w := s.w
	without = w.Node("Sub", nil, s.y, w.Node("Gather", nil, s.book[v], s.code[v]))
	lambda := s.Search.NormWeight
	if lambda == 0 {
		return w.Node("Sub", nil, s.table[v], s.products(without, v, s.half[v])), without
	}
	q2 := w.Node("Gemm", map[string]any{"transB": int64(1), "alpha": float32(2), "beta": float32(2)}, without, s.book[v], s.half[v])
	square := w.Node("ReduceSum", map[string]any{"keepdims": int64(1)}, w.Node("Mul", nil, without, without), w.Ints(1))
	norms := w.Node("Sqrt", nil, w.Node("Relu", nil, w.Node("Add", nil, q2, square)))
	found = w.Node("Sub", nil, s.table[v], w.Node("Mul", nil, q2, w.Numbers([]float64{(1 + lambda) / 2})))
	return w.Node("Add", nil, found, w.Node("Mul", nil, norms, w.Node("Mul", nil, s.norm, w.Numbers([]float64{lambda})))), without
}

// scores returns the scores of all variables, the chosen category's raised to 1 above the largest.
func (s *searchGraph) scores() string {
	w := s.w
	categories := make([]int64, s.Categories)
	for k := range categories {
		categories[k] = int64(k)
	}
	all := make([]string, s.Variables)
	for v := range all {
		found, _ := s.score(v)
		above := w.Node("Add", nil, w.Node("ReduceMax", map[string]any{"axes": []int64{1}, "keepdims": int64(1)}, found), w.Numbers([]float64{1}))
		chosen := w.Node("Equal", nil, w.Node("Unsqueeze", nil, s.code[v], w.Ints(1)), w.Ints(categories...))
		all[v] = w.Node("Unsqueeze", nil, w.Node("Where", nil, chosen, above, found), w.Ints(1))
	}
	if len(all) == 1 {
		return all[0]
	}
	return w.Node("Concat", map[string]any{"axis": int64(1)}, all...)
}

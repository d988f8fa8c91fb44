// Package onnxcheck checks an ONNX model before anything else reads it. It is the one check of all backends:
// runtime/backend.Load makes it.
//
// [Check] refuses what a bundle's graphs never hold, and what has made runtimes crash, read files or ask for all memory:
// external data, subgraphs (except a Scan's body, which is checked in the same way), operators of other domains or of functions, names that
// are undefined or defined twice, cycles, initialisers with bytes that do not match their shape, constants that ask for
// shapes too large for any memory, graphs that would keep a runtime busy for long before the first run. It allocates in proportion to the bytes that it is given, whatever they declare.
// [Describe] also reads what a model says of itself.
//
// What a file declares and no node uses, imports of other operator domains and functions, is no reason to refuse it: [Parse] leaves it
// out, and [Used] takes it out of the bytes, so that no runtime sees it.
//
// It does not look at what a model computes: backends refuse operators with operands that do not fit.
package onnxcheck

import (
	"errors"
	"fmt"
	"go/token"

	"github.com/catvae/catvae/internal/foreign"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/visible"
)

// ErrUnsafe is wrapped by every refusal.
var ErrUnsafe = errors.New("model refused")

// The limits of an accepted model. ONNX itself ends at 2 GiB. A backend may know fewer opsets, and then says so.
const (
	maxBytes    = 2<<30 - 1
	maxNodes    = 100_000
	maxElements = 1<<31 - 1 // of a shape that a model declares or asks for
	maxRank     = 64
	minOpset    = 1
	maxOpset    = 28
	minIR       = 3
	maxIR       = 14
)

// Check reports the first thing that makes a model unfit to be loaded, as an [ErrUnsafe] that names it.
func Check(model []byte) error {
	_, err := Parse(model)
	return err
}

// Parse is [Check] that returns the decoded model, without what no node uses.
func Parse(model []byte) (*onnxpb.ModelProto, error) {
	m, err := parse(model)
	if err == nil {
		return m, nil
	}
	if k, ok := foreign.Of(model); ok {
		return nil, refuse("it is no ONNX model but %s: %s", k.Is, k.Way)
	}
	return nil, err
}

func parse(model []byte) (*onnxpb.ModelProto, error) {
	switch {
	case len(model) == 0:
		return nil, refuse("it is empty")
	case len(model) > maxBytes:
		return nil, refuse("it has %d bytes, ONNX ends at %d", len(model), maxBytes)
	}
	if err := checkWire(model); err != nil {
		return nil, err
	}
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		return nil, refuse("it is not an ONNX model: %v", err)
	}
	if err := checkModel(m); err != nil {
		return nil, err
	}
	return m, nil
}

// refuse makes an error. Names are the model's own words: they are quoted with %.100q, so that a long one stays short.
func refuse(format string, args ...any) error {
	return visible.Error(fmt.Errorf("onnxcheck: %w: "+format, append([]any{ErrUnsafe}, args...)...))
}

func checkModel(m *onnxpb.ModelProto) error {
	if m.GetIrVersion() < minIR || m.GetIrVersion() > maxIR {
		return refuse("its IR version is %d: %d to %d are known", m.GetIrVersion(), minIR, maxIR)
	}
	if len(m.TrainingInfo) > 0 {
		return refuse("it holds training information: export the model for inference")
	}
	if err := dropUnused(m); err != nil {
		return err
	}
	if err := checkOpsets(m.OpsetImport); err != nil {
		return err
	}
	if m.Graph == nil {
		return refuse("it holds no graph")
	}
	return checkGraph(m.Graph, false, &cost{shapes: map[string]int{}})
}

// checkOpsets requires one version of ONNX's own domain, which has two names.
func checkOpsets(opsets []*onnxpb.OperatorSetIdProto) error {
	if len(opsets) == 0 {
		return refuse("it names no opset of ONNX's own operators")
	}
	opset := opsets[0].GetVersion()
	for _, o := range opsets {
		if o.GetVersion() != opset {
			return refuse("it uses the opsets %d and %d at once", opset, o.GetVersion())
		}
	}
	if opset < minOpset || opset > maxOpset {
		return refuse("its opset is %d: %d to %d are known", opset, minOpset, maxOpset)
	}
	return nil
}

// checkGraph checks a graph; body says that it is the body of a Scan, which reads nothing but its own values.
func checkGraph(g *onnxpb.GraphProto, body bool, c *cost) error {
	if len(g.Node) > maxNodes {
		return refuse("it has %d nodes: at most %d are accepted", len(g.Node), maxNodes)
	}
	if len(g.SparseInitializer) > 0 || len(g.Output) == 0 {
		return refuse("it has sparse initialisers, or no output")
	}
	s := scope{body: body, defined: map[string]bool{"": true}, constants: map[string][]float64{}, cost: c, sizes: map[string]size{}, types: map[string]int32{}, written: map[string]bool{}}
	initial := map[string]*onnxpb.TensorProto{}
	for _, t := range g.Initializer {
		if s.defined[t.GetName()] {
			return refuse("the initialiser %.100q is defined twice, or has no name", t.GetName())
		}
		if err := checkTensor(t); err != nil {
			return err
		}
		s.defined[t.GetName()], initial[t.GetName()], s.constants[t.GetName()] = true, t, tensorNumbers(t)
		s.sizes[t.GetName()] = c.given(t.Dims, true, "")
		s.types[t.GetName()], s.written[t.GetName()] = t.GetDataType(), true
	}
	if err := s.checkValues(g, initial); err != nil {
		return err
	}
	for _, n := range g.Node {
		if err := s.checkNode(n); err != nil {
			return err
		}
	}
	outputs := map[string]bool{}
	for _, o := range g.Output {
		if !s.defined[o.GetName()] || o.GetName() == "" {
			return refuse("nothing computes the output %.100q", o.GetName())
		}
		if outputs[o.GetName()] {
			return refuse("the output %.100q is listed twice", o.GetName())
		}
		outputs[o.GetName()] = true
	}
	return nil
}

// A scope is what a graph has defined so far.
type scope struct {
	body      bool
	defined   map[string]bool      // with "", the name of an optional operand that is left out
	constants map[string][]float64 // the first numbers of the values that are known without running the graph
	cost      *cost
	sizes     map[string]size  // of values
	types     map[string]int32 // element types of values, where they are known
	written   map[string]bool  // values whose numbers the file holds
}

// checkValues checks what a graph declares about its values, and defines its inputs. An input may be an initialiser as
// well, as all were before IR 4: then both are of one type and shape.
func (s *scope) checkValues(g *onnxpb.GraphProto, initial map[string]*onnxpb.TensorProto) error {
	inputs := map[string]bool{}
	for _, v := range g.Input {
		if inputs[v.GetName()] || v.GetName() == "" {
			return refuse("the input %.100q is listed twice, or has no name", v.GetName())
		}
		if t := initial[v.GetName()]; t != nil && !declares(v, t) {
			return refuse("%.100q is an input of one type or shape and an initialiser of another", v.GetName())
		}
		inputs[v.GetName()], s.defined[v.GetName()] = true, true
		s.types[v.GetName()] = v.GetType().GetTensorType().GetElemType()
		s.written[v.GetName()] = false // a default can be replaced
		if initial[v.GetName()] == nil {
			s.sizes[v.GetName()] = s.cost.input(v)
		}
	}
	for _, values := range [][]*onnxpb.ValueInfoProto{g.Input, g.Output, g.ValueInfo} {
		for _, v := range values {
			if err := checkType(v.GetName(), v.GetType()); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkNode requires operands that are defined earlier, so that the order is topological and has no cycle.
func (s *scope) checkNode(n *onnxpb.NodeProto) error {
	if !ownDomain(n.GetDomain()) || n.GetOverload() != "" {
		return refuse("node %.100q (%.100q) is of the domain %.100q, or a function's: only ONNX's own operators are accepted: %s", n.GetName(), n.GetOpType(), n.GetDomain(), wayOut(n.GetDomain()))
	}
	if !token.IsIdentifier(n.GetOpType()) { // as ONNX wants it; messages name operators as they are
		return refuse("node %.100q names no operator, but %.100q", n.GetName(), n.GetOpType())
	}
	for _, in := range n.Input {
		if !s.defined[in] {
			return refuse("node %.100q (%.100q) reads %.100q, which nothing before it defines", n.GetName(), n.GetOpType(), in)
		}
	}
	if err := s.checkAttributes(n); err != nil {
		return err
	}
	if err := s.checkShapes(n); err != nil {
		return err
	}
	if err := s.checkDivision(n); err != nil {
		return err
	}
	s.setTypes(n)
	for _, out := range n.Output {
		if out != "" && s.defined[out] {
			return refuse("%.100q is defined twice, again by node %.100q (%.100q)", out, n.GetName(), n.GetOpType())
		}
		s.defined[out] = true
	}
	if err := s.checkSizes(n); err != nil {
		return err
	}
	if err := s.checkCost(n); err != nil {
		return err
	}
	if len(n.Output) == 1 && n.Output[0] != "" {
		if v := s.numbersOf(n); v != nil {
			s.constants[n.Output[0]] = v
		}
	}
	return nil
}

package onnxeval

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/visible"
)

// These errors tell why a graph cannot be run.
var (
	// ErrUnsupported: an operator, or a form of one, that is not there. The text names all of a graph's.
	ErrUnsupported = errors.New("unsupported operator")
	// ErrShape: shapes that do not fit each other, or too many elements.
	ErrShape = errors.New("bad shape")
	// ErrUnknown: a shape follows from numbers that a plan is made without.
	ErrUnknown = errors.New("its result's shape follows from numbers that are not known before the run")
)

// A Program is a graph whose operators are all there. It is safe for concurrent use.
type Program struct {
	graph *onnxgraph.Graph
	known map[string]*value // initialisers, and what follows from them
	nodes []onnxgraph.Node  // that are left to be planned
}

// While a graph is loaded, at most maxFolded elements are computed, and foldedPerWeight for each element of the initialisers. Nodes
// that would make more are left to the plan. So a hostile file cannot make Load compute for long.
const (
	maxFolded       = 1 << 20
	foldedPerWeight = 4
)

// Load makes a program. An [ErrUnsupported] lists all operators that are missing.
func Load(g *onnxgraph.Graph) (*Program, error) {
	p, err := load(g)
	return p, visible.Error(err)
}

func load(g *onnxgraph.Graph) (*Program, error) {
	if err := supported(g); err != nil {
		return nil, err
	}
	p := &Program{graph: g, known: map[string]*value{}}
	limit := maxFolded
	for _, t := range g.Initialisers {
		v, err := knownValue(t)
		limit += foldedPerWeight * v.size
		if err != nil {
			return nil, fmt.Errorf("onnxeval: initialiser %.100q: %w", t.Name, err)
		}
		p.known[t.Name] = v
	}
	// An initialiser that is an input too is that input's default, which is not supported: the input must be given.
	for _, in := range g.Inputs {
		delete(p.known, in.Name)
	}
	fold := &planner{opset: g.Opset, values: p.known, limit: limit}
	for _, n := range g.Nodes {
		// All operands are known: the node is computed now, and not again in any plan.
		if !slices.ContainsFunc(n.Inputs, func(in string) bool { return in != "" && p.known[in] == nil }) {
			switch err := fold.add(n); {
			case err == nil:
				continue
			case !errors.Is(err, errLarge):
				return nil, err
			}
		}
		p.nodes = append(p.nodes, n)
	}
	return p, nil
}

// supported reports the operators of a graph that are not there, all of them, as one [ErrUnsupported].
func supported(g *onnxgraph.Graph) error {
	return Missing(g, "onnxeval: this backend", func(n onnxgraph.Node) bool {
		op, ok := operators[n.Op]
		return ok && op.since <= g.Opset
	})
}

// Missing reports the operators of a graph that has refuses, as one [ErrUnsupported] that names each with its nodes. who is
// what lacks them.
func Missing(g *onnxgraph.Graph, who string, has func(onnxgraph.Node) bool) error {
	var order []string
	nodes := map[string][]string{}
	for _, n := range g.Nodes {
		if has(n) {
			continue
		}
		if nodes[n.Op] == nil {
			order = append(order, n.Op)
		}
		nodes[n.Op] = append(nodes[n.Op], fmt.Sprintf("%.100q", n.Label()))
	}
	if len(order) == 0 {
		return nil
	}
	var list []string
	for _, op := range order {
		at := nodes[op]
		text := fmt.Sprintf("%.100s (%s", op, strings.Join(at[:min(3, len(at))], ", "))
		if len(at) > 3 {
			text += fmt.Sprintf(" and %d more", len(at)-3)
		}
		list = append(list, text+")")
	}
	return visible.Error(fmt.Errorf("%s lacks %s of opset %d: %w", who, strings.Join(list, ", "), g.Opset, ErrUnsupported))
}

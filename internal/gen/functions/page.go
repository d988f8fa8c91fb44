package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/catvae/catvae/runtime/backend"
)

// functions is the one list of what is measured.
var functions = slices.Concat(unaries, binaries, broadcasts, products, reductions, shaping, networks, leaves)

// remarks say what a user should know of a function: why it is not exported whole, and the way out.
var remarks = map[string]string{
	"Log2":                "its gradient is too small by (ln 2)² in gorgonia: write HadamardDiv(Log(x), a constant of ln 2)",
	"InverseSqrt":         "its gradient is -1/(2y³) in gorgonia, where -y³/2 is right: write Inverse(Sqrt(x))",
	"OuterProd":           "its gradient multiplies by the wrong operand in gorgonia: write Mul of a matrix of one column and one of one row",
	"ByIndices":           "its gradient is right along axis 0 only: elsewhere write Mul with a matrix of zeros and ones",
	"LogSumExp":           "gorgonia's is ln(Σ exp(x-m) + m), and takes vectors only: write Add(Log(Sum(Exp(x-m))), m)",
	"AveragePool2D":       "gorgonia's divides by the picture's width: write Mul with a constant matrix, or an op of your own",
	"AveragePool1D":       "gorgonia's is MaxPool1D under another name, and is exported as that",
	"Slice":               "the shape of a slice is wrong in gorgonia where the step does not divide its length: end it on a whole step",
	"Norm":                "gorgonia takes no absolute values: for an odd norm write Abs first",
	"Sum":                 "wrong on gorgonia's machine for an inner axis of four or more, where it is an error: transpose the axis to the end, or compile",
	"Mean":                "as Sum",
	"Max":                 "as Sum; each of equal largest values gets the whole gradient",
	"At":                  "gorgonia's machine never computes it, where it is an error: write Slice, or compile; it has no gradient in gorgonia",
	"Concat":              "the batch and a fixed number of rows together are no multiple of the batch: export for one batch size",
	"SoftMax":             "Log of it turns the same node into LogSoftMax, silently: take SoftMax and LogSoftMax of different nodes",
	"LogSoftMax":          "see SoftMax",
	"BatchNorm":           "in training mode the running means are not kept in a compiled step; in testing mode (SetTraining(false), SetStats) they are constants; gorgonia's own machine wants EvalMode there",
	"GlobalAveragePool2D": "it has no gradient in gorgonia: Mean over axes 2 and 3 has",
	"DiagFlat":            "it has no gradient in gorgonia",
	"ConvType":            "gorgonia's machine converts no float type",
	"Sparsemax":           "it sorts each row, for which there is no operator here: write an op of your own",
	"CTCLoss":             "ONNX has no operator for it",
	"YOLOv3":              "ONNX has no operator for it",
	"UniformRandomNode":   "noise is an input, so that every engine draws the same",
	"GaussianRandomNode":  "noise is an input, so that every engine draws the same",
	"BinomialRandomNode":  "noise is an input, so that every engine draws the same",
	"Dropout":             "in testing mode (SetTraining(false) of its op) it is its operand (gorgonia's own machine wants EvalMode), and its gradient is wrong; in training the mask is an input: HadamardProd with it",
	"Conv1d":              "as Conv2d",
	"Conv2d":              "a Conv in float32, its gradient by the picture a ConvTranspose; in float64, and by the weights, slices and products",
	"MaxPool2D":           "a border as wide as the kernel, or different on opposite sides, is refused: gorgonia gets it wrong",
	"Reshape":             "shares memory with its operand on gorgonia's own machine, where a following + - * / may write into it; the tape engine copies",
	"Ravel":               "as Reshape",
}

// unmeasured are the other functions that return nodes, and why they have no row.
var unmeasured = map[string]string{
	"ApplyOp":         "makes a node of any op",
	"ApplyOpWithName": "makes a node of any op",
	"Backpropagate":   "makes the gradients that are measured",
	"Grad":            "makes the gradients that are measured; of a second loss that shares nodes with the first it gives the first one's gradients",
	"Must":            "passes a node on",
	"NewUniqueNode":   "makes a node without a meaning",
	"NodesFromInputs": "takes nodes out of an interface",
	"Read":            "a statement of gorgonia's machine: outputs are listed in export.Traced",
	"Set":             "a statement of gorgonia's machine: an engine writes its parameters itself",
	"Sort":            "orders a graph's nodes",
	"UnstableSort":    "orders a graph's nodes",
}

// A row is what was measured of a function.
type row struct {
	function
	found []measurement // of its forms
}

func measureAll(ctx context.Context, on []backend.Backend) []row {
	var rows []row
	for _, f := range functions {
		r := row{function: f}
		for _, form := range f.forms {
			r.found = append(r.found, measure(ctx, form, on))
		}
		rows = append(rows, r)
	}
	return rows
}

// summary is one outcome for all forms: "part" where they differ, none where there is nothing to measure.
func (r row) summary(of func(measurement) outcome) outcome {
	s := none
	for _, m := range r.found {
		switch o := of(m); {
		case o == none:
		case s == none:
			s = o
		case s != o && s != "part":
			s = "part"
		}
	}
	return s
}

func values(m measurement) outcome       { return m.values }
func gradient(m measurement) outcome     { return m.gradient }
func tapeValues(m measurement) outcome   { return m.tapeValues }
func tapeGradient(m measurement) outcome { return m.tapeGradient }

// verdict is whole where every form exports right, with its gradient; no where none does.
func (r row) verdict() string {
	switch v, g := r.summary(values), r.summary(gradient); {
	case v == right && (g == right || g == none):
		return "whole"
	case v == right || v == "part" || g == right || g == "part":
		return "in part"
	}
	return "no"
}

// differing names the forms that are not right where others are.
func (r row) differing() string {
	var names []string
	for i, m := range r.found {
		bad := func(o outcome) bool { return o != right && o != none }
		some := r.summary(values) == "part" && bad(m.values) || r.summary(gradient) == "part" && bad(m.gradient) ||
			r.summary(tapeValues) == "part" && bad(m.tapeValues) || r.summary(tapeGradient) == "part" && bad(m.tapeGradient)
		if some && r.forms[i].name != "" {
			names = append(names, r.forms[i].name)
		}
	}
	return strings.Join(names, "; ")
}

var words = map[outcome]string{right: "right", wrong: "**wrong**", missing: "no", refused: "refused", none: "-", "part": "in part"}

// page is docs/gorgonia.md.
func page(rows []row, version string) string {
	count := map[string]int{}
	for _, r := range rows {
		count[r.verdict()]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# gorgonia's functions

Code generated by %[1]sgo generate ./internal/gen/functions%[1]s, which measured it. DO NOT EDIT.

Every function of gorgonia %[2]s that builds graphs is called in the forms in which people call it, and exported with a batch that
varies, in float32 and float64. The exported graph's values are compared with plain loops, and the gradients that gorgonia derives with
finite differences of those loops in float64. The last two columns are the same numbers from gorgonia's own tape machine. *Refused* is an
error that names the way out, because gorgonia's own numbers are wrong: the exporter and the tape engine both give it. Of %[3]d functions
%[4]d are exported whole, %[5]d in part and %[6]d not. A test measures all of it again, on onnxruntime too.

[operators.md](operators.md) lists gorgonia's operations and the ONNX operators that they become; [engine.md](engine.md) is the guide for
training.

| function | exported | values | gradient | on gorgonia's machine | its gradient there | not all forms | remarks |
| --- | --- | --- | --- | --- | --- | --- | --- |
`, "`", version, len(rows), count["whole"], count["in part"], count["no"])
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", r.name, r.verdict(), words[r.summary(values)], words[r.summary(gradient)],
			words[r.summary(tapeValues)], words[r.summary(tapeGradient)], r.differing(), remarks[r.name])
	}
	b.WriteString("\n## Functions without a row\n\n| function | why |\n| --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(unmeasured)) {
		fmt.Fprintf(&b, "| %s | %s |\n", name, unmeasured[name])
	}
	return b.String()
}

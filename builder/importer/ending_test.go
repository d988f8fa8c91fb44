package importer_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder/importer"
)

const (
	aLogit    = "z = MatMul x w"
	aSoftmax  = "m = MatMul x w;z = Reshape m two_three;p = Softmax z axis=-1"
	aSigmoid  = aLogit + ";p = Sigmoid z"
	byExp     = aLogit + ";n = Neg z;e = Exp n;d = Add e one"
	byTanh    = aLogit + ";h = Mul z half;t = Tanh h"
	anElu     = aLogit + ";y = Elu z"
	anAverage = aLogit + ";a = Sigmoid z;v2 = Neg z;b = Sigmoid v2;c = Add a v;s2 = Sigmoid c;d = Add s2 b;y = Mul d half"
)

// spread gives rows on which logits are large and small.
func spread(n *importer.Network) []float32 {
	rows := make([]float32, 32*n.Width())
	for i := range rows {
		rows[i] = float32(12 * math.Sin(float64(i*i)))
	}
	return rows
}

// Probabilities are told by the graph's end, in whatever words it is written: logits are those of what the file gives, clamps included.
func TestEndings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opset int64
		nodes string
		note  string
	}{
		"a sigmoid":             {17, aLogit + ";y = Sigmoid z", "left out"},
		"a clamp":               {17, aSigmoid + ";y = Clip p eps rest", "-13.8"},
		"a clamp by attributes": {8, aSigmoid + ";y = Clip p min=0.25 max=0.75", "1.099"},
		"a clamp from below":    {17, aSigmoid + ";y = Clip p eps", "-13.8"},
		"a clamp to [0,1]":      {17, aSigmoid + ";y = Clip p nought one", "are taken"},
		"Max and Min":           {17, aSigmoid + ";q = Max p eps;y = Min rest q", "-13.8"},
		"a clamp, then another shape, then a clamp": {17, aSigmoid + ";q = Clip p eps rest;r = Unsqueeze q at1;s3 = Clip r half;y = Flatten r", "-13.8"},
		"other shapes and types":                    {17, aSigmoid + ";q = Identity p;r = Cast q to=1;y = Flatten r", "left out"},
		"a type, then a clamp":                      {17, aSigmoid + ";q = Cast p to=1;y = Clip q eps rest", "-13.8"},
		"1/(1+exp(-z))":                             {17, byExp + ";y = Div one d", "are taken"},
		"the reciprocal of 1+exp(-z)":               {17, byExp + ";y = Reciprocal d", "are taken"},
		"(1+exp(-z)) to the -1":                     {17, byExp + ";y = Pow d minus", "are taken"},
		"1/(2+4exp(-z)), times 2":                   {17, aLogit + ";n = Neg z;e = Exp n;f = Mul e deep4;d = Add f two;q = Reciprocal d;y = Mul q two", "are taken"},
		"(tanh(z/2)+1)/2":                           {17, byTanh + ";u = Add t one;y = Div u two", "are taken"},
		"tanh(z/2)·0.5 + 0.5, clamped":              {17, byTanh + ";u = Mul half t;q = Add half u;y = Clip q eps rest", "-13.8"},
		"1 - sigmoid":                               {17, aSigmoid + ";y = Sub one p", "are taken"},
		"1 - a clamped sigmoid":                     {17, aSigmoid + ";q = Clip p eps half;y = Sub one q", "are taken"},
		"there and back":                            {17, aSigmoid + ";a = Mul p two;b = Sub a one;c = Add b one;y = Div c two", "are taken"},
		"drawn towards 1/2":                         {17, aSigmoid + ";a = Mul p most;y = Add a rise", "are taken"},
		"a constant of nodes":                       {17, aSigmoid + ";k = Div two two;y = Mul p k", "are taken"},
	} {
		data := written{nodes: strings.Split(c.nodes, ";"), opset: c.opset}.encode(t)
		for part, read := range map[string]func([]byte, importer.Options) (*importer.Network, error){"encoder": importer.Encoder, "decoder": importer.Decoder} {
			n, err := read(data, importer.Options{})
			if err != nil {
				t.Errorf("%s, %s: %v", name, part, err)
				continue
			}
			if n.Gives() != importer.Probabilities || !strings.Contains(n.Note(), c.note) {
				t.Errorf("%s, %s: it gives %s: %s", name, part, n.Gives(), n.Note())
			}
			if part == "encoder" {
				compareWithFile(t, name, n)
			}
			givesProbabilities(t, name, n, 2e-6)
		}
	}
}

// givesProbabilities compares the sigmoid of a network's logits with what its file gives.
func givesProbabilities(t *testing.T, name string, n *importer.Network, tolerance float64) {
	t.Helper()
	rows := spread(n)
	y, err := n.Result(rows)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	logits, err := n.Reference(rows)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, l := range logits {
		p := 1 / (1 + math.Exp(-float64(l)))
		if !(math.Abs(p-float64(y[i])) <= tolerance) || (l > 0) != (y[i] > 0.5) && y[i] != 0.5 {
			t.Errorf("%s: logit %d is %g, of probability %g, the file gives %g", name, i, l, p, y[i])
			return
		}
	}
}

// Of categories the logits are logarithms, and a softmax is told in other words, too.
func TestEndingsOfCategories(t *testing.T) {
	t.Parallel()
	for name, nodes := range map[string]string{
		"a clamp":                        aSoftmax + ";y = Clip p eps rest",
		"a logarithm":                    aSoftmax + ";y = Log p",
		"a logarithm of a clamp":         aSoftmax + ";q = Clip p eps;y = Log q",
		"a clamp of a logarithm":         "m = MatMul x w;z = Reshape m two_three;p = LogSoftmax z;y = Clip p far",
		"exp of a logarithm":             "m = MatMul x w;z = Reshape m two_three;p = LogSoftmax z;y = Exp p",
		"exp of a logarithm, clamped":    "m = MatMul x w;z = Reshape m two_three;p = LogSoftmax z;q = Exp p;y = Clip q eps rest",
		"a clamp, flat behind it":        aSoftmax + ";q = Clip p eps rest;y = Flatten q",
		"a softmax that nothing follows": aSoftmax + ";y = Identity p",
	} {
		n, err := importer.Encoder(graph(t, float, "y", strings.Split(nodes, ";")...), importer.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n.Gives() != importer.Probabilities || n.Categories() != 3 {
			t.Errorf("%s: it gives %s of %d categories: %s", name, n.Gives(), n.Categories(), n.Note())
		}
		compareWithFile(t, name, n)
		rows := spread(n)
		y, err := n.Result(rows)
		if err != nil {
			t.Fatal(err)
		}
		logits, err := n.Reference(rows)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(y); at += 3 { // softmax of the logits, and what the file gives, whose sum a clamp may move
			var a, b float64
			for i := range 3 {
				a, b = a+math.Exp(float64(logits[at+i])), b+float64(y[at+i])
			}
			for i := range 3 {
				if p, q := math.Exp(float64(logits[at+i]))/a, float64(y[at+i])/b; !(math.Abs(p-q) <= 2e-6) {
					t.Errorf("%s: probability %d is %g, the file gives %g", name, at+i, p, q)
				}
			}
		}
	}
}

// What lies within bounds is no logit, and is refused until somebody says what it is.
func TestBoundedEndings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ nodes, text string }{
		"a clamp alone":                {aLogit + ";y = Clip z nought one", "between 0 and 1"},
		"a clamp of half a line":       {aLogit + ";y = Clip z nought", "at 0 or above"},
		"hard sigmoid in other words":  {aLogit + ";a = Mul z half;b = Add a half;y = Clip b nought one", "between 0 and 1"},
		"Relu":                         {aLogit + ";y = Relu z", "at 0 or above"},
		"Softplus":                     {aLogit + ";y = Softplus z", "at 0 or above"},
		"a square":                     {aLogit + ";y = Mul z z", "at 0 or above"},
		"another square":               {aLogit + ";y = Pow z two", "at 0 or above"},
		"Abs":                          {aLogit + ";y = Abs z", "at 0 or above"},
		"Exp":                          {aLogit + ";y = Exp z", "at 0 or above"},
		"Tanh":                         {aLogit + ";y = Tanh z", "between -1 and 1"},
		"Elu":                          {anElu, "at -1 or above"},
		"Gelu":                         {aLogit + ";y = Gelu z", "or above"},
		"swish":                        {aSigmoid + ";y = Mul z p", "or above"},
		"Selu":                         {aLogit + ";y = Selu z", "-1.758 or above"},
		"softsign":                     {aLogit + ";a = Abs z;b = Add one a;y = Div z b", "between -1 and 1"},
		"half a sigmoid":               {aSigmoid + ";y = Mul p half", "between 0 and 0.5"},
		"a sigmoid, moved":             {aSigmoid + ";y = Sub p half", "between -0.5 and 0.5"},
		"the logarithm of a sigmoid":   {aSigmoid + ";y = Log p", "or below"},
		"minus Softplus":               {aLogit + ";a = Softplus z;y = Neg a", "or below"},
		"a sigmoid, times weights":     {aSigmoid + ";y = Mul p v", "between -"},
		"the mean of sigmoids":         {anAverage, "between 0 and 1"},
		"a bit":                        {aLogit + ";g = Greater z half;y = Cast g to=1", "between 0 and 1"},
		"the cumulative normal":        {aLogit + ";a = Erf z;b = Add a one;y = Mul b half", "between 0 and 1"},
		"exp over a sum":               {"m = MatMul x w;z = Reshape m two_three;e = Exp z;s2 = ReduceSum e last keepdims=1;y = Div e s2", "at 0 or above"},
		"the root of a sigmoid":        {aSigmoid + ";y = Pow p half", "between 0 and 1"},
		"a sigmoid to the power of 1":  {aSigmoid + ";y = Pow p one", "between 0 and 1"},
		"the square of a sigmoid":      {aSigmoid + ";y = Pow p two", "between 0 and 1"},
		"PRelu of a sigmoid":           {aSigmoid + ";y = PRelu p half", "between 0 and 1"},
		"a softmax of another meaning": {aSoftmax + ";y = Mul p half", "between 0 and 0.5"},
	} {
		opset := int64(17)
		if name == "Gelu" {
			opset = 20
		}
		data := written{nodes: strings.Split(c.nodes, ";"), opset: opset}.encode(t)
		if _, err := importer.Encoder(data, importer.Options{}); !errors.Is(err, importer.ErrGives) || !strings.Contains(fmt.Sprint(err), c.text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want %v with %q", name, err, importer.ErrGives, c.text)
		}
		n, err := importer.Encoder(data, importer.Options{Gives: importer.Logits})
		if err != nil {
			t.Errorf("%s, said to be logits: %v", name, err)
			continue
		}
		y, err := n.Result(spread(n))
		if err != nil {
			t.Fatal(err)
		}
		logits, err := n.Reference(spread(n))
		if err != nil || fmt.Sprint(y) != fmt.Sprint(logits) || n.Gives() != importer.Logits {
			t.Errorf("%s, said to be logits: they are %v, the file gives %v: %v", name, logits[:3], y[:3], err)
		}
	}
}

// What is said to be probabilities is taken as that, whatever the graph ends in; a sigmoid that was said to give logits stays.
func TestSaid(t *testing.T) {
	t.Parallel()
	for name, nodes := range map[string]string{
		"a clamp":               aLogit + ";y = Clip z nought one",
		"the cumulative normal": aLogit + ";a = Erf z;b = Add a one;y = Mul b half",
		"half a sigmoid":        aSigmoid + ";y = Mul p half",
		"a bit":                 aLogit + ";g = Greater z half;y = Cast g to=1",
		"a sigmoid":             aSigmoid + ";y = Identity p",
	} {
		n, err := importer.Encoder(graph(t, float, "y", strings.Split(nodes, ";")...), importer.Options{Gives: importer.Probabilities})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name != "a bit" { // which has no gradient, and whose logits are far apart
			compareWithFile(t, name, n)
		}
		givesProbabilities(t, name, n, 1e-6)
	}
	sigmoid := graph(t, float, "y", strings.Split(aSigmoid+";y = Identity p", ";")...)
	n, err := importer.Encoder(sigmoid, importer.Options{Gives: importer.Logits})
	if err != nil || n.Gives() != importer.Logits {
		t.Fatal(n, err)
	}
	compareWithFile(t, "a sigmoid, said to give logits", n)
	flat, err := importer.Encoder(graph(t, float, "y", strings.Split(aLogit+";y = Clip z nought one", ";")...), importer.Options{Gives: importer.Probabilities, Categories: 3})
	if err != nil {
		t.Fatal(err)
	}
	y, err := flat.Result(spread(flat))
	if err != nil {
		t.Fatal(err)
	}
	logits, err := flat.Reference(spread(flat))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range y {
		if want := math.Log(math.Max(float64(p), 0x1p-126)); math.Abs(want-float64(logits[i])) > 1e-5*math.Abs(want)+1e-6 {
			t.Errorf("of categories, probability %g has the logit %g, want %g", p, logits[i], want)
		}
	}
	if _, err := importer.Encoder(sigmoid, importer.Options{Gives: "bits"}); !errors.Is(err, importer.ErrGives) {
		t.Errorf("the word bits: %v", err)
	}
	n, err = importer.Encoder(graph(t, float, "y", strings.Split(aLogit+";y = LeakyRelu z", ";")...), importer.Options{Gives: importer.Probabilities})
	if err != nil {
		t.Fatal(err)
	}
	if y, err = n.Result(spread(n)); err != nil || !errors.Is(n.CheckResult(y), importer.ErrGives) {
		t.Errorf("numbers outside [0,1] pass as probabilities: %v", err)
	}
}

// Logits that a clamp keeps from growing are logits.
func TestWideEndings(t *testing.T) {
	t.Parallel()
	for name, nodes := range map[string]string{
		"a clamp at 10":       aLogit + ";y = Clip z minus10 ten",
		"tanh times 10":       aLogit + ";a = Tanh z;y = Mul a ten",
		"LeakyRelu":           aLogit + ";y = LeakyRelu z",
		"half the logit":      aLogit + ";y = Mul z half",
		"a sigmoid elsewhere": aSigmoid + ";a = MatMul p pw;y = Add a v",
		"clamped far away":    aLogit + ";y = Clip z far",
	} {
		n, err := importer.Encoder(graph(t, float, "y", strings.Split(nodes, ";")...), importer.Options{})
		if err != nil || n.Gives() != importer.Logits {
			t.Errorf("%s: %v", name, err)
			continue
		}
		compareWithFile(t, name, n)
	}
}

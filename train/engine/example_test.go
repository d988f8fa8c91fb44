package engine_test

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Any gorgonia loss trains on onnxruntime: here the cross-entropy of a softmax classifier of drawn digits. The pixels go
// in as they are, the labels one-hot, and the share of right answers comes back as a metric.
func ExampleCompile() {
	const batch, pixels, classes = 100, 28 * 28, 10
	classifier := func(g *G.ExprGraph, batch int) (o engine.Objective, err error) {
		x := G.NewMatrix(g, tensor.Float32, G.WithName("pixels"), G.WithShape(batch, pixels))
		y := G.NewMatrix(g, tensor.Float32, G.WithName("label"), G.WithShape(batch, classes))
		w := G.NewMatrix(g, tensor.Float32, G.WithName("weight"), G.WithShape(pixels, classes), G.WithInit(G.Zeroes()))
		b := G.NewMatrix(g, tensor.Float32, G.WithName("bias"), G.WithShape(1, classes), G.WithInit(G.Zeroes()))
		logits, err := G.BroadcastAdd(G.Must(G.Mul(x, w)), b, nil, []byte{0})
		if err != nil {
			return o, err
		}
		// ln softmax(l) = l - ln Σ exp(l), written out: gorgonia's own overflows for rows that lie far apart.
		logSum := G.Must(G.Log(G.Must(G.Sum(G.Must(G.Exp(logits)), 1))))
		chosen := G.Must(G.Sum(G.Must(G.HadamardProd(logits, y)), 1))
		loss := G.Must(G.Mean(G.Must(G.Sub(logSum, chosen))))
		right := G.Must(G.Mean(G.Must(G.Gte(chosen, G.Must(G.Max(logits, 1)), true))))
		return engine.Objective{
			Loss: loss, Parameters: G.Nodes{w, b}, Inputs: G.Nodes{x, y}, Metrics: []export.Named{{Name: "right", Node: right}},
		}, nil
	}

	digits, err := dataset.Load(context.Background(), "glyphs", dataset.Options{Rows: 2000})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := onnxruntime.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := engine.Compile(context.Background(), b, classifier, engine.Optimizer{Name: "adam", LearningRate: 0.01}, batch, engine.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	rows, labels := make([]float32, batch*pixels), make([]float32, batch*classes)
	for epoch := range 10 {
		for first := 0; first < digits.Len(); first += batch {
			clear(labels)
			for i := range batch {
				digits.Row(first+i, rows[i*pixels:][:pixels])
				labels[i*classes+digits.Label(first+i)] = 1
			}
			values, err := e.Step(context.Background(), engine.Batch{"pixels": rows, "label": labels})
			if err != nil {
				fmt.Println(err)
				return
			}
			if last := first+batch == digits.Len(); last && (epoch == 0 || epoch == 9) {
				fmt.Printf("epoch %2d: more than 95 of 100 right: %t\n", epoch+1, values[0][1] > 0.95)
			}
		}
	}
	weight, _ := e.State().Tensor("weight")
	fmt.Println("weight", weight.Shape)
	// Output:
	// epoch  1: more than 95 of 100 right: false
	// epoch 10: more than 95 of 100 right: true
	// weight [784 10]
}

// After training, the model is exported with what was learned: both traces name their parameters alike, and each draws them anew.
func ExampleState_Parameters() {
	layer := func(g *G.ExprGraph, batch int) (x, y *G.Node) {
		x = G.NewMatrix(g, tensor.Float32, G.WithName("x"), G.WithShape(batch, 2))
		w := G.NewMatrix(g, tensor.Float32, G.WithName("weight"), G.WithShape(2, 1), G.WithInit(G.GlorotU(1)))
		return x, G.Must(G.Mul(x, w))
	}
	e, err := engine.NewTape(context.Background(), func(g *G.ExprGraph, batch int) (engine.Objective, error) {
		x, y := layer(g, batch)
		want := G.NewMatrix(g, tensor.Float32, G.WithName("want"), G.WithShape(batch, 1))
		loss := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(y, want))))))
		return engine.Objective{Loss: loss, Parameters: g.ByName("weight"), Inputs: G.Nodes{x, want}}, nil
	}, engine.Optimizer{Name: "sgd", LearningRate: 0.5}, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	for range 100 {
		if _, err := e.Step(context.Background(), engine.Batch{"x": []float32{1, 0, 0, 1}, "want": []float32{3, -2}}); err != nil {
			fmt.Println(err)
			return
		}
	}

	trace := func(batch int) (export.Traced, error) {
		x, y := layer(G.NewGraph(), batch)
		return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}}}, nil
	}
	_, err = export.Graph(context.Background(), trace, export.Options{})
	fmt.Println("as it is drawn:", err != nil)
	trained := export.WithValues(trace, e.State().Parameters())
	model, err := export.Graph(context.Background(), trained, export.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := model.Bytes()
	fmt.Println("a model:", len(data) > 0, err)
	y, err := export.Reference(context.Background(), trained, 1, []backend.Tensor{{Name: "x", Shape: []int64{1, 2}, Data: []float32{2, 1}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("2·3 - 1·2 = %.2f\n", y[0].Floats()[0])
	// Output:
	// as it is drawn: true
	// a model: true <nil>
	// 2·3 - 1·2 = 4.00
}

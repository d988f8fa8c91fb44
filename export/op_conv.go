package export

import (
	"slices"

	"gorgonia.org/tensor"
)

// gorgonia writes a convolution as Im2Col, a product of matrices and a transpose, and its gradient by the picture as another product and
// Col2Im. Where that is what stands there, one node of ONNX does it. It is a matter of speed only: what is not recognised, and what is
// float64, for which onnxruntime has no such kernels on a CPU, is written operation by operation.
//
//	x ─ Im2Col ─ Reshape ─ × ─ Reshape ─ Transpose ─ y    =>   x ─ Conv ─ y
//	    F [maps, channels·kernel]ᵀ ┘                           W ┘
//
//	g ─ Transpose ─ Reshape ─ × ─ Reshape ─ Col2Im ─ x'   =>   g ─ ConvTranspose ─ x'
//	        F [maps, channels·kernel] ┘                        W ┘

// is reports a node of a kind.
func (n *node) is(kind string) bool { return n.kind == kind }

// transposed reports a Transpose by a permutation.
func (n *node) transposed(by ...int) bool {
	if !n.is("tensor transpose") {
		return false
	}
	pattern, err := n.numbers("pattern")
	return err == nil && slices.Equal(pattern, by)
}

// multiplies reports a product of two matrices, the second transposed or not.
func (n *node) multiplies(transB bool) bool {
	if !n.is("matrix A × B") {
		return false
	}
	a, b, err := n.transposes()
	return err == nil && !a && b == transB
}

// through returns what a Reshape reshapes, or the node itself.
func (n *node) through() *node {
	if n.is("tensor reshape") {
		return n.in[0]
	}
	return n
}

// conv writes a Transpose as the Conv that it ends, if it does.
func (e *emitter) conv(n *node) (y string, ok bool, err error) {
	if e.float != tensor.Float32 || !n.transposed(0, 3, 1, 2) {
		return "", false, nil
	}
	product := n.in[0].through()
	if !product.multiplies(true) {
		return "", false, nil
	}
	columns, filters := product.in[0].through(), product.in[1]
	// [batch, height, width, maps] is what is transposed, and its rows are those of the columns [batch, height, width, channels·kernel].
	if !columns.is("tensor im2col") || !sameDims(n.in[0].shape[:3], columns.shape[:3]) || n.in[0].shape[3] != filters.shape[0] {
		return "", false, nil
	}
	picture := columns.in[0]
	w, err := columns.window(picture.shape, columnNames)
	if err != nil {
		return "", false, err
	}
	weights, err := e.filters(filters, picture.shape[1], w)
	if err != nil {
		return "", false, err
	}
	return e.Node("Conv", w.attributes(), e.names[picture], weights), true, nil
}

// convTranspose writes a Col2Im as the ConvTranspose that it ends, if it does.
func (e *emitter) convTranspose(n *node) (x string, ok bool, err error) {
	product := n.in[0].through()
	if e.float != tensor.Float32 || !product.multiplies(false) {
		return "", false, nil
	}
	g, filters := product.in[0].through(), product.in[1]
	// Rows of the product are places of the window: [batch, height, width] of g.
	if !g.transposed(0, 2, 3, 1) || g.shape[3] != filters.shape[0] || !sameDims(product.in[0].shape[1:], g.shape[3:]) {
		return "", false, nil
	}
	w, err := n.window(n.shape, columnNames)
	if err != nil {
		return "", false, err
	}
	if !sameDims(g.shape[:3], []dim{n.shape[0], {n: w.out[0]}, {n: w.out[1]}}) {
		return "", false, nil
	}
	weights, err := e.filters(filters, n.shape[1], w)
	if err != nil {
		return "", false, err
	}
	attributes := w.attributes()
	var rest []int64 // of the picture, that no window reaches
	for i := range 2 {
		rest = append(rest, w.size[i]+2*w.pad[i]-w.dilation[i]*(w.kernel[i]-1)-1-(w.out[i]-1)*w.stride[i])
	}
	attributes["output_padding"] = rest
	return e.Node("ConvTranspose", attributes, e.in(g, 0), weights), true, nil
}

// filters gives a matrix [maps, channels·kernel] the shape [maps, channels, kernel...].
func (e *emitter) filters(n *node, channels dim, w window) (string, error) {
	shape := []dim{n.shape[0], channels, {n: w.kernel[0]}, {n: w.kernel[1]}}
	if whole := n.through(); sameDims(whole.shape, shape) {
		return e.names[whole], nil
	}
	return e.reshape(e.names[n], shape)
}

// attributes are those of Conv, MaxPool and their like.
func (w window) attributes() map[string]any {
	return map[string]any{
		"kernel_shape": w.kernel[:], "strides": w.stride[:], "dilations": w.dilation[:],
		"pads": []int64{w.pad[0], w.pad[1], w.pad[0], w.pad[1]},
	}
}

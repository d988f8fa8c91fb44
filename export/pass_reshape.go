package export

// joinReshapes lets a Reshape read what an earlier Reshape read, and readers of a Reshape that ends where it began read
// the value itself:
//
//	x ─ Reshape ─ y ─ Reshape ─ z   =>   x ─ Reshape ─ z,   and z is x where the shapes agree
func (e *emitter) joinReshapes() (changed bool) {
	source := map[string]string{} // of a reshaped value
	same := map[string]string{}   // a value for one that is equal to it in content and shape
	for _, n := range e.graph.Node {
		for i, in := range n.Input {
			if x, ok := same[in]; ok {
				n.Input[i], changed = x, true
			}
		}
		if n.GetOpType() != "Reshape" {
			continue
		}
		if x, ok := source[n.Input[0]]; ok {
			n.Input[0], changed = x, true
		}
		source[n.Output[0]] = n.Input[0]
		from, known := e.shapes[n.Input[0]]
		if to, ok := e.shapes[n.Output[0]]; known && ok && sameDims(from, to) && !e.isOutput(n.Output[0]) {
			same[n.Output[0]] = n.Input[0]
		}
	}
	return changed
}

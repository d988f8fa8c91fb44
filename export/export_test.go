package export

import "maps"

// OpTable gives tests the kinds of the table.
func OpTable() map[string]bool {
	out := map[string]bool{}
	for k := range maps.Keys(ops) {
		out[k] = true
	}
	return out
}

// KindsOf gives tests the kinds of operations that a trace uses.
func KindsOf(trace Trace) map[string]bool {
	a, err := traced(trace, firstBatch)
	if err != nil {
		return nil
	}
	b, err := traced(trace, secondBatch)
	if err != nil {
		return nil
	}
	order, _, err := pair(nodesOf(a.Outputs), nodesOf(b.Outputs))
	if err != nil {
		return nil
	}
	out := map[string]bool{}
	for _, n := range order {
		if n.op() != nil && !isConstant(n.first) {
			out[n.kind] = true
		}
	}
	return out
}

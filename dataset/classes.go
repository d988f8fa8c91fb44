package dataset

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// classes numbers labels that are no numbers, from the least number of 32 bits up: no label that is a number comes near.
type classes struct {
	mu      sync.Mutex
	numbers map[string]int
	names   []string
}

// Label returns the number of a label as a file has it: see [Reader]. It is -1 where the text is empty, and where nobody asks.
func (o Options) Label(text string) int {
	if o.classes == nil || !o.Labels {
		return -1
	}
	text = strings.TrimSpace(text)
	if absent(text) {
		return -1
	}
	if n, ok := wholeLabel(text); ok {
		return n
	}
	o.classes.mu.Lock()
	defer o.classes.mu.Unlock()
	n, ok := o.classes.numbers[text]
	if !ok {
		if o.classes.numbers == nil {
			o.classes.numbers = map[string]int{}
		}
		n = math.MinInt32 + len(o.classes.names)
		o.classes.numbers[text] = n
		o.classes.names = append(o.classes.names, strings.Clone(text))
	}
	return n
}

// wholeLabel returns a label that is a whole number of 32 bits, written as one or, as pandas does it where some are missing, as 3.0.
func wholeLabel(text string) (int, bool) {
	n, err := strconv.ParseInt(strings.TrimSuffix(text, ".0"), 10, 32)
	return int(n), err == nil
}

// settle gives labels their last numbers, where some are names, and returns what they are called: labels that are numbers are then
// names as well.
func (c *classes) settle(labels []int32) []string {
	if len(c.names) == 0 {
		return nil
	}
	names := map[int32]string{}
	for i, name := range c.names {
		names[int32(math.MinInt32+i)] = name
	}
	for _, label := range labels {
		if _, ok := names[label]; !ok && label != -1 {
			names[label] = strconv.Itoa(int(label))
		}
	}
	var sorted []string
	for _, name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	for i, label := range labels {
		if label != -1 {
			n, _ := slices.BinarySearch(sorted, names[label])
			labels[i] = int32(n)
		}
	}
	return sorted
}

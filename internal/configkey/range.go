// Package configkey holds what configurations of several packages share: the ranges in fields' tags, paths into lists, and values that are
// read from a command line.
package configkey

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Range is the bounds of a number.
type Range struct {
	Least, Most float64
	above, less bool // whether the ends themselves are out
}

// ParseRange reads the tag `range`: "[0,1e6]"; a round bracket leaves the end out.
func ParseRange(text string) (r Range, ok bool) {
	least, most, ok := strings.Cut(strings.Trim(text, "[]()"), ",")
	if !ok {
		return r, false
	}
	var err1, err2 error
	r.Least, err1 = strconv.ParseFloat(least, 64)
	r.Most, err2 = strconv.ParseFloat(most, 64)
	r.above, r.less = strings.HasPrefix(text, "("), strings.HasSuffix(text, ")")
	return r, err1 == nil && err2 == nil
}

// Check reports a number that is out of the range, infinite or no number, as "is 7: use a number from 0, up to 1".
func (r Range) Check(x float64) error {
	if x >= r.Least && x <= r.Most && !math.IsInf(x, 0) && !(r.above && x == r.Least) && !(r.less && x == r.Most) {
		return nil
	}
	from, to := "from", "up to"
	if r.above {
		from = "above"
	}
	if r.less {
		to = "below"
	}
	return fmt.Errorf("is %g: use a number %s %g, %s %g", x, from, r.Least, to, r.Most)
}

package runtime

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/dist"
)

// limits is what values a model's rows may hold, floats or bytes, by the manifest's rule, and whether a row must have a direction. The
// zero value, and nil, allow everything: packed codes are no rows.
type limits struct {
	values      dist.Values
	standard    dist.Standard
	least, most float32
	bytes       [256]bool // which bytes become values out of range
	anyByte     bool      // whether some do
}

func newLimits(v dist.Values, s dist.Standard) *limits {
	l := &limits{values: v, standard: s, least: float32(v.Least), most: float32(v.Most)}
	for b := range l.bytes {
		l.bytes[b] = !v.Contains(v.Byte(byte(b)))
		l.anyByte = l.anyByte || l.bytes[b]
	}
	return l
}

// firstBad returns the place of the first value that no row may hold, -1 where there is none, and what it is. It is
// [dist.Values.Contains] for many values.
func firstBad[T Value](l *limits, rows []T) (int, float32) {
	switch rows := any(rows).(type) {
	case []float32:
		least, most := l.least, l.most
		for i, x := range rows {
			if !(x >= least && x <= most) { // NaN, too
				return i, x
			}
		}
	case []byte:
		if !l.anyByte {
			return -1, 0
		}
		for i, b := range rows {
			if l.bytes[b] {
				return i, l.values.Byte(b)
			}
		}
	}
	return -1, 0
}

// badRows zeroes rows that hold a value which no row may hold, and adds them to the bad ones.
func badRows[T Value](l *limits, rows []T, size, first int, bad []error) []error {
	if l == nil {
		return bad
	}
	known := len(bad)
	before := bad
	for at := 0; at < len(rows); at += size {
		row := rows[at : at+size]
		for len(before) > 0 && badRow(before[0]) < first+at/size {
			before = before[1:]
		}
		if len(before) > 0 && badRow(before[0]) == first+at/size { // its zeros are none of its own
			continue
		}
		if err := checkRow(l, row, first+at/size); err != nil {
			bad = append(bad, err)
			clear(row)
		}
	}
	if known > 0 && len(bad) > known {
		slices.SortFunc(bad, func(a, b error) int { return badRow(a) - badRow(b) })
	}
	return bad
}

// checkRow reports what is wrong with a row of a number.
func checkRow[T Value](l *limits, row []T, number int) error {
	if i, x := firstBad(l, row); i >= 0 {
		return &valueError{row: number, column: i, value: x, values: l.values}
	}
	if !l.standard.Vector.Normalises() {
		return nil
	}
	floats, ok := any(row).([]float32)
	if !ok {
		for _, b := range any(row).([]byte) {
			floats = append(floats, l.values.Byte(b))
		}
	}
	if err := l.standard.CheckRow(floats); err != nil {
		return &rowError{row: number, cause: err}
	}
	return nil
}

// rowError is the [ErrInput] of a row as a whole, and a [BadRowError].
type rowError struct {
	row   int
	cause error
}

func (e *rowError) Error() string {
	return fmt.Sprintf("runtime: %v: row %d: %v", ErrInput, e.row, e.cause)
}
func (e *rowError) Unwrap() error { return ErrInput }
func (e *rowError) BadRow() int   { return e.row }

// valueError is the [ErrInput] of a value that no row may hold, and a [BadRowError].
type valueError struct {
	row, column int
	value       float32
	values      dist.Values
}

func (e *valueError) Error() string {
	return fmt.Sprintf("runtime: %v: row %d, column %d is %g: %v%s", ErrInput, e.row, e.column, e.value, e.values, e.values.Advice(float64(e.value)))
}
func (e *valueError) Unwrap() error { return ErrInput }
func (e *valueError) BadRow() int   { return e.row }

package dist

import (
	"fmt"
	"math"
)

// Values is the one rule by which the numbers of a file become the values of a row, and the range in which they must then
// lie:
//
//	x = (v/d - Mean) / Deviation,   Least <= x <= Most
//
// where d is Bytes for bytes (pixels) and Numbers for every other type. A configuration has it under `data`, a manifest
// under `input`; readers, backends and variants apply it alike. [Unit] is the default.
type Values struct {
	Bytes   float64 // what bytes are divided by, above 0
	Numbers float64 // what all other numbers are divided by, above 0

	Mean      float64 // is subtracted then
	Deviation float64 // and divided by, above 0

	Least, Most float64 // of a row's values, both included; infinite where there is no bound
}

// Unit is the rule of grey pixels: bytes are divided by 255, other numbers are taken as they are, values lie within [0,1].
func Unit() Values { return Values{Bytes: 255, Numbers: 1, Deviation: 1, Least: 0, Most: 1} }

// OrUnit returns the rule, or [Unit] where it is the zero value.
func (v Values) OrUnit() Values {
	if v == (Values{}) {
		return Unit()
	}
	return v
}

// Check reports a rule that makes no sense.
func (v Values) Check() error {
	for _, d := range []struct {
		name  string
		value float64
	}{{"bytes are divided by", v.Bytes}, {"numbers are divided by", v.Numbers}, {"the deviation is", v.Deviation}} {
		if !(d.value > 0) || math.IsInf(d.value, 0) || math.IsInf(1/d.value, 0) {
			return fmt.Errorf("%s %g: use a number above 0, not so small that its inverse is infinite", d.name, d.value)
		}
	}
	if math.IsNaN(v.Mean) || math.IsInf(v.Mean, 0) {
		return fmt.Errorf("the mean is %g: use a finite number", v.Mean)
	}
	if !(v.Least < v.Most) {
		return fmt.Errorf("values lie within [%g,%g]: the range must ascend", v.Least, v.Most)
	}
	return nil
}

// Byte returns what a byte becomes. Where nothing is subtracted it is the quotient of two numbers in float32, as the
// exported graphs that take bytes compute it.
func (v Values) Byte(b byte) float32 {
	x := float32(b) / float32(v.Bytes)
	if v.Bytes != math.Trunc(v.Bytes) {
		x = float32(b) * float32(1/v.Bytes)
	}
	return v.centre(x)
}

// Table returns [Values.Byte] of all bytes.
func (v Values) Table() (table [256]float32) {
	for b := range table {
		table[b] = v.Byte(byte(b))
	}
	return table
}

// Number returns what a number that is not a byte becomes. The quotient is taken in float64.
func (v Values) Number(x float64) float32 {
	if v.centred() {
		return float32((x/v.Numbers - v.Mean) / v.Deviation)
	}
	return float32(x / v.Numbers)
}

// Nearest returns the byte whose value is nearest to x.
func (v Values) Nearest(x float32) byte {
	y := float64(x * float32(v.Bytes))
	if v.centred() {
		y = (float64(x)*v.Deviation + v.Mean) * v.Bytes
	}
	return byte(min(max(math.RoundToEven(y), 0), 255))
}

// Contains reports whether a row may hold x. It is false for NaN.
func (v Values) Contains(x float32) bool { return x >= float32(v.Least) && x <= float32(v.Most) }

func (v Values) centred() bool { return v.Mean != 0 || v.Deviation != 1 }

func (v Values) centre(x float32) float32 {
	if !v.centred() {
		return x
	}
	return (x - float32(v.Mean)) / float32(v.Deviation)
}

// String says what values must be, for errors: "values must lie in [0,1]".
func (v Values) String() string { return fmt.Sprintf("values must lie in [%g,%g]", v.Least, v.Most) }

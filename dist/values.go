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
// where d is one number for all that a file may hold: bytes, other whole numbers, floats, text. See [Values.Alike]. An older
// rule has two, Bytes for bytes and Numbers for every other type: see [Unit]. A configuration has the rule under `data`, a
// manifest under `input`; readers, backends and variants apply it alike.
type Values struct {
	Bytes   float64 // what bytes are divided by, above 0
	Numbers float64 // what all other numbers are divided by, above 0
	One     bool    // Numbers is Bytes, and a number becomes the same value whatever its type is: it is a float32 first
	Whole   bool    // numbers are whole: a fraction becomes NaN, which no row may hold. See [Values.Fraction]

	Mean      float64 // is subtracted then
	Deviation float64 // and divided by, above 0

	Least, Most float64 // of a row's values, both included; infinite where there is no bound
}

// Unit is the rule of grey pixels: bytes are divided by 255, other numbers are taken as they are, values lie within [0,1].
func Unit() Values { return Values{Bytes: 255, Numbers: 1, Deviation: 1, Least: 0, Most: 1} }

// Raw is the rule that leaves every finite number as it is.
func Raw() Values {
	return Values{Bytes: 1, Numbers: 1, One: true, Deviation: 1, Least: -math.MaxFloat32, Most: math.MaxFloat32}
}

// Counts is the rule of counts: whole numbers from 0 up, as they are.
func Counts() Values {
	return Values{Bytes: 1, Numbers: 1, One: true, Whole: true, Deviation: 1, Least: 0, Most: math.MaxFloat32}
}

// Counts reports a rule of whole numbers without an upper bound.
func (v Values) Counts() bool { return v.Whole && v.Least == 0 && v.Most >= math.MaxFloat32 }

// Alike returns the rule with one divisor for every number, whatever its type. Where whole is set and the divisor is not 1,
// fractions are refused: they were divided before. A rule of whole numbers stays one.
func (v Values) Alike(divisor float64, whole bool) Values {
	v.Bytes, v.Numbers, v.One, v.Whole = divisor, divisor, true, whole || v.Whole
	return v
}

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
	if v.One && v.Bytes != v.Numbers {
		return fmt.Errorf("bytes are divided by %g and other numbers by %g: one rule has one divisor", v.Bytes, v.Numbers)
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
func (v Values) Byte(b byte) float32 { return v.float(float32(b)) }

// float returns what a number becomes, computed in float32.
func (v Values) float(x float32) float32 {
	if v.Bytes != math.Trunc(v.Bytes) {
		return v.centre(x * float32(1/v.Bytes))
	}
	return v.centre(x / float32(v.Bytes))
}

// Table returns [Values.Byte] of all bytes.
func (v Values) Table() (table [256]float32) {
	for b := range table {
		table[b] = v.Byte(byte(b))
	}
	return table
}

// Number returns what a number that is not a byte becomes. A rule with one divisor rounds it to float32 first, so that it does
// not matter how a file holds it; else the quotient is taken in float64.
func (v Values) Number(x float64) float32 {
	switch {
	case v.One && v.Fraction(float32(x)):
		return float32(math.NaN())
	case v.One:
		return v.float(float32(x))
	case v.centred():
		return float32((x/v.Numbers - v.Mean) / v.Deviation)
	}
	return float32(x / v.Numbers)
}

// wholeOnly reports a rule whose values are whole numbers themselves.
func (v Values) wholeOnly() bool { return v.Whole && v.Least >= 0 && v.Most > 1 }

// Fraction reports a number with a fraction where the rule takes whole numbers: where it divides them, and where values
// themselves are whole. A number within [0,1] that is not divided may be a grey value, a real one anything.
func (v Values) Fraction(x float32) bool {
	return (v.wholeOnly() || v.Whole && v.Numbers != 1) && float64(x) != math.Trunc(float64(x))
}

// Plain reports a rule by which numbers, other than bytes, stay as they are.
func (v Values) Plain() bool { return v.Numbers == 1 && !v.centred() && !v.wholeOnly() }

// Nearest returns the byte whose value is nearest to x.
func (v Values) Nearest(x float32) byte {
	y := float64(x * float32(v.Bytes))
	if v.centred() {
		y = (float64(x)*v.Deviation + v.Mean) * v.Bytes
	}
	return byte(min(max(math.RoundToEven(y), 0), 255))
}

// Shades returns the values that are black and white where rows are pictures: the ends of the range, or where it has none 0 and 255
// for whole numbers and 0 and 1 for others.
func (v Values) Shades() (black, white float32) {
	switch {
	case v.Most < math.MaxFloat32 && v.Least > -math.MaxFloat32:
		return float32(v.Least), float32(v.Most)
	case v.Whole:
		return 0, 255
	}
	return 0, 1
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
func (v Values) String() string {
	switch {
	case v.Most >= math.MaxFloat32 && v.Least <= -math.MaxFloat32:
		return "values must be finite numbers"
	case v.Counts():
		return "values must be counts: whole numbers from 0 up"
	case v.Whole && v.Most > 1 && v.Numbers == 1:
		return fmt.Sprintf("values must be whole numbers within [%g,%g]", v.Least, v.Most)
	case v.One:
		return fmt.Sprintf("numbers are divided by %g, and values must lie in [%g,%g]", v.Numbers, v.Least, v.Most)
	}
	return fmt.Sprintf("values must lie in [%g,%g]", v.Least, v.Most)
}

// Advice says by what a number that is out of range was probably meant to be divided, as ": …" to end an error with; "" where
// nothing is probable. x is the number as a file has it.
func (v Values) Advice(x float64) string {
	if v.Least != 0 || v.Most != 1 || v.centred() {
		return ""
	}
	switch whole := x == math.Trunc(x); {
	case v.One && v.Fraction(float32(x)):
		return ": the model was trained on whole numbers: if these were divided before, divide them by 1"
	case whole && x > 1 && x <= 255 && v.Numbers < 255:
		return ": pixels of 0 to 255 are divided by 255"
	case x > v.Numbers && !math.IsInf(x, 1):
		return ": divide by the greatest number that there can be"
	}
	return ""
}

package cli

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// A flag that is a number has its range in its tag, range:"LEAST,MOST", both included; or range:"any" where every value of its type
// makes sense, or the configuration it becomes a part of has the range.

// checkRanges reports a flag whose value is outside its range.
func checkRanges(flags []*kong.Flag) error {
	for _, f := range flags {
		tag := f.Tag.Get("range")
		if tag == "" || tag == "any" {
			continue
		}
		low, high, _ := strings.Cut(tag, ",")
		for _, v := range valuesOf(f.Target) {
			x, text := numberOf(v)
			if !(x >= bound(low) && x <= bound(high)) { // NaN is neither
				return fmt.Errorf("%w: %s %s: use %s to %s", ErrUsage, flagName(f), text, low, high)
			}
		}
	}
	return nil
}

// flagName is a flag as it is written: -k where it has but one letter.
func flagName(f *kong.Flag) string {
	if len(f.Name) == 1 {
		return "-" + f.Name
	}
	return "--" + f.Name
}

// valuesOf returns the values of a flag: many, one, or none where it was left out.
func valuesOf(v reflect.Value) (list []reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			list = append(list, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, v.Index(i))
		}
	default:
		list = append(list, v)
	}
	return list
}

// numberOf returns a number, and how it is written.
func numberOf(v reflect.Value) (float64, string) {
	if d, ok := v.Interface().(time.Duration); ok {
		return float64(d), d.String()
	}
	switch {
	case v.CanInt():
		return float64(v.Int()), strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return float64(v.Uint()), strconv.FormatUint(v.Uint(), 10)
	case v.CanFloat():
		return v.Float(), strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return math.NaN(), v.String()
}

// bound is a number or a duration of a tag. One that is neither admits nothing.
func bound(text string) float64 {
	if d, err := time.ParseDuration(text); err == nil {
		return float64(d)
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return x
}

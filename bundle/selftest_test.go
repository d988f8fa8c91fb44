package bundle_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
)

// Generated rows lie within the range, are the same each time, differ from each other, and are bytes where every byte is a value.
func TestGenerated(t *testing.T) {
	t.Parallel()
	standard := bundle.InputOf(dist.Raw())
	standard.Standard = &bundle.Standard{Kind: dist.StandardColumn, Mean: []float32{5, -1000}, Deviation: []float32{0.001, 10}}
	positive := bundle.InputOf(dist.Raw())
	positive.Range[0] = 0
	half := bundle.InputOf(dist.Unit())
	half.Range = [2]float64{0, 0.5}
	for name, c := range map[string]struct {
		in      bundle.Input
		ofBytes bool
	}{
		"pixels": {bundle.InputOf(dist.Unit()), true}, "half of the bytes": {half, false}, "real": {bundle.InputOf(dist.Raw()), false},
		"standardised": {standard, false}, "positive": {positive, false}, "counts": {bundle.InputOf(dist.Counts()), false},
	} {
		c.in.Shape = []int64{2}
		values, asBytes := c.in.Generated(7, 16)
		again, _ := c.in.Generated(7, 16)
		other, _ := c.in.Generated(8, 16)
		if len(values) != 32 || (len(asBytes) == 32) != c.ofBytes {
			t.Fatalf("%s: %d values and %d bytes of 16 rows of 2", name, len(values), len(asBytes))
		}
		distinct, rule := map[[2]float32]bool{}, c.in.Values()
		same, changed := true, false
		for i, x := range values {
			same, changed = same && x == again[i], changed || x != other[i]
			if !rule.Contains(x) || c.ofBytes && x != rule.Byte(asBytes[i]) {
				t.Errorf("%s: value %d is %g", name, i, x)
			}
			if i%2 == 1 {
				distinct[[2]float32{values[i-1], x}] = true
			}
		}
		if !same || !changed || len(distinct) < 10 {
			t.Errorf("%s: same again %v, others by another seed %v, %d different rows of 16", name, same, changed, len(distinct))
		}
		if name == "standardised" && (math.Abs(float64(values[0])-5) > 0.01 || math.Abs(float64(values[1])+1000) > 100) {
			t.Errorf("%s: the first row is %v", name, values[:2])
		}
	}
}

// A self-test is read from verification.json, refused where it does not fit, and compares all bits but those aside.
func TestSelfTest(t *testing.T) {
	t.Parallel()
	m := manifest() // codes of 1 byte
	width := m.Latent.PackedBytes()
	kept := bundle.SelfTest{Seed: 1, Rows: 2, Codes: make([]byte, 2*width), Aside: make([]byte, 2*width), Variants: map[string]bundle.Hex{"int8": make([]byte, 2*width)}}
	kept.Codes[0], kept.Aside[0] = 0b10100000, 0b01000000
	write := func(v any) string {
		dir := t.TempDir()
		text, err := json.Marshal(v)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, bundle.VerificationFile), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	got, err := bundle.ReadSelfTest(write(map[string]any{"self_test": kept}), m)
	if err != nil {
		t.Fatal(err)
	}
	turned := func(mask byte) []byte {
		codes := append([]byte(nil), kept.Codes...)
		codes[0] ^= mask
		return codes
	}
	for _, c := range []struct {
		variant string
		codes   []byte
		want    string // in the error, "" for none
	}{
		{"", turned(0), ""}, {"float32", turned(0), ""}, {"uint8", turned(0), ""},
		{"", turned(0b01000000), ""}, // aside
		{"", turned(0b10000000), "1 of"}, {"uint8", turned(0b10010000), "2 of"},
		{"", turned(0)[1:], "bytes of codes"}, {"int8", make([]byte, 2*width), ""}, {"int8", turned(0b00011111), "7 of"},
	} {
		if err := got.Compare(c.variant, c.codes); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, codes %x: %v, want %q", c.variant, c.codes, err, c.want)
		}
	}
	short := kept
	short.Codes = kept.Codes[1:]
	none := kept
	none.Rows = 0
	variant := kept
	variant.Variants = map[string]bundle.Hex{"int8": {1}}
	for want, dir := range map[string]string{
		"no self-test is possible": t.TempDir(), "has no codes": write(map[string]any{"runner": "x"}),
		"3 bytes of codes and 4": write(map[string]any{"self_test": short}), "self_test.rows is 0": write(map[string]any{"self_test": none}),
		`1 bytes of codes for "int8"`: write(map[string]any{"self_test": variant}), "verification.json: encoding/hex": write(map[string]any{"self_test": map[string]any{"codes": "xy"}}),
	} {
		_, err := bundle.ReadSelfTest(dir, m)
		wantKind := bundle.ErrFormat
		if strings.Contains(want, "no ") {
			wantKind = bundle.ErrNoSelfTest
		}
		if !errors.Is(err, wantKind) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

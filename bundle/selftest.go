package bundle

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/internal/noise"
)

// ErrNoSelfTest is the error of a bundle that keeps no codes of generated rows: one of an older version, or one whose verification.json was left behind.
var ErrNoSelfTest = errors.New("no self-test is possible")

// A SelfTest is what verification.json keeps so that a program can see, before it takes work, that the graphs compute on its machine what they computed
// where the bundle was written: the packed codes of generated rows. No row of anyone's data is in it.
type SelfTest struct {
	Seed  uint64 `json:"seed"` // of the rows: see [Input.Generated]
	Rows  int    `json:"rows"`
	Codes Hex    `json:"codes"` // packed, row after row
	// Aside marks the bits that are not compared, in the order of Codes: their logits are so near to a decision that rounding may flip them.
	Aside Hex `json:"aside"`
	// Variants are the codes of variants whose arithmetic is their own, such as int8's. Those of other variants are Codes.
	Variants map[string]Hex `json:"variants,omitempty"`
}

// Hex is bytes that JSON has as hexadecimal text.
type Hex []byte

// MarshalText returns the text.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText reads it.
func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(nil, text)
	return err
}

// The self-test that bundles are written with. Sixteen rows run in a moment, and have some thousand bits.
const (
	SelfTestSeed = 1
	SelfTestRows = 16
)

// selfTestAgreement is the share of bits in which a variant with an arithmetic of its own must agree with its codes: it differs from processor to
// processor, as 8-bit products with and without VNNI do.
const selfTestAgreement = 0.95

// ReadSelfTest returns the self-test of the bundle in dir. A bundle without one is an [ErrNoSelfTest]; one that does not fit the bundle an [ErrFormat].
func ReadSelfTest(dir string, m *Manifest) (SelfTest, error) {
	data, err := ReadVerification(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return SelfTest{}, err
	}
	var v struct {
		SelfTest *SelfTest `json:"self_test"`
	}
	if err == nil {
		if err := json.Unmarshal(data, &v); err != nil {
			return SelfTest{}, fmt.Errorf("bundle: %s: %w: %w: export again, or delete it", filepath.Join(dir, VerificationFile), err, ErrFormat)
		}
	}
	if v.SelfTest == nil {
		return SelfTest{}, fmt.Errorf("bundle: %s has no codes of generated rows: %w: export the run again", filepath.Join(dir, VerificationFile), ErrNoSelfTest)
	}
	if err := v.SelfTest.check(m); err != nil {
		return SelfTest{}, fmt.Errorf("bundle: %s: %w: %w: export again", filepath.Join(dir, VerificationFile), err, ErrFormat)
	}
	return *v.SelfTest, nil
}

// check reports a self-test that does not fit the bundle.
func (t SelfTest) check(m *Manifest) error {
	const most = 1 << 16
	if t.Rows < 1 || t.Rows > most {
		return fmt.Errorf("self_test.rows is %d: from 1 to %d are possible", t.Rows, most)
	}
	want := t.Rows * m.Latent.PackedBytes()
	if len(t.Codes) != want || len(t.Aside) != want {
		return fmt.Errorf("self_test has %d bytes of codes and %d of bits aside for %d rows, which are %d bytes", len(t.Codes), len(t.Aside), t.Rows, want)
	}
	for name, codes := range t.Variants {
		if len(codes) != want {
			return fmt.Errorf("self_test.variants has %d bytes of codes for %.100q, where the rows are %d", len(codes), name, want)
		}
	}
	return nil
}

// Compare reports codes that are not those of the self-test, as the given variant computes them: "" and [VariantFloat32] are the bundle's own graphs.
// No bit may differ, except those that are aside; of variants with codes of their own, 95 % of the bits must agree. The error says how many differ.
func (t SelfTest) Compare(variant string, codes []byte) error {
	want, own := t.Variants[variant]
	if !own {
		want = t.Codes
	}
	if len(codes) != len(want) {
		return fmt.Errorf("bundle: the self-test gave %d bytes of codes, %d are kept", len(codes), len(want))
	}
	differ, compared := 0, 0
	for i, b := range codes {
		mask := ^t.Aside[i]
		if own {
			mask = 0xff
		}
		differ += bits.OnesCount8((b ^ want[i]) & mask)
		compared += bits.OnesCount8(mask)
	}
	if own && float64(differ) <= (1-selfTestAgreement)*float64(compared) || differ == 0 {
		return nil
	}
	return fmt.Errorf("bundle: %d of %d bits of generated rows are not those that were kept when the bundle was written", differ, compared)
}

// Generated returns rows that are drawn for this input by a seed, one after the other, within its range: nobody's data. asBytes are the same rows as
// bytes, nil where not every byte is a value that rows may hold. A value is
//
//	a byte, uniform      where every byte is within the range
//	from 1 to 7          of counts
//	uniform              within any other range
//	normal               without a range, with the mean and the deviation that [Standard] has
//
// and, except of normal ones, the least one instead in a share of the values that falls from row to row, so that rows and their codes differ.
func (in Input) Generated(seed uint64, rows int) (values []float32, asBytes []byte) {
	rule, size := in.Values(), in.RowSize()
	table, value := rule.Table(), in.generator()
	ofBytes := in.bounded() && !slices.ContainsFunc(table[:], func(x float32) bool { return !rule.Contains(x) })
	s := noise.Stream{Seed: seed, Purpose: noise.Named("self-test")}
	kept, u, z := make([]float32, size), make([]float32, size), make([]float64, size)
	for r := range rows {
		s.Uniform(kept, 0, uint32(r))
		s.Uniform(u, 1, uint32(r))
		s.Normal(z, 2, uint32(r))
		share := float32(r+1) / float32(rows)
		for j := range size {
			keep := kept[j] < share || j == r%size // at least one
			if !ofBytes {
				values = append(values, value(j, keep, u[j], z[j]))
				continue
			}
			b := byte(0)
			if keep {
				b = byte(256 * u[j])
			}
			asBytes, values = append(asBytes, b), append(values, table[b])
		}
	}
	return values, asBytes
}

// bounded reports rows whose values lie in a range that is of use.
func (in Input) bounded() bool { return in.Range[1]-in.Range[0] <= 1e6 }

// generator returns what makes value j of a row that is not of bytes, of a uniform and a normal number.
func (in Input) generator() func(j int, keep bool, u float32, z float64) float32 {
	least, most := float32(in.Range[0]), float32(in.Range[1])
	switch {
	case in.Values().Counts():
		return func(_ int, keep bool, u float32, _ float64) float32 {
			if !keep {
				return 0
			}
			return 1 + float32(int(7*u))
		}
	case in.bounded():
		return func(_ int, keep bool, u float32, _ float64) float32 {
			if !keep {
				return least
			}
			return least + u*(most-least)
		}
	}
	standard := in.Standard.Dist()
	return func(j int, _ bool, _ float32, z float64) float32 {
		return min(max(float32(z*at(standard.Deviation, j, 1)+at(standard.Mean, j, 0)), least), most)
	}
}

// at returns number j of a list, its only one where it has one, and otherwise what is said.
func at(list []float64, j int, otherwise float64) float64 {
	switch {
	case j < len(list):
		return list[j]
	case len(list) == 1:
		return list[0]
	}
	return otherwise
}

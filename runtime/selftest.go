package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/backend"
)

// ErrSelfTest is the error of a model that does not compute here what it computed where its bundle was written.
var ErrSelfTest = errors.New("self-test failed")

// SelfTest encodes the generated rows of a bundle's self-test, as floats and where they are bytes as bytes too, and reports codes that are not those that the bundle
// keeps as an [ErrSelfTest], with the number of bits: see [bundle.ReadSelfTest] and [bundle.SelfTest.Compare]. A library, a processor or a device
// that computes wrongly without an error shows here. Nobody's rows are read.
func (m *Model) SelfTest(ctx context.Context, t bundle.SelfTest) error {
	values, asBytes := m.manifest.Input.Generated(t.Seed, t.Rows)
	v, isVariant := m.manifest.Variants[m.variant]
	if !isVariant || v.Input == backend.Float32 {
		codes, err := m.Encode(ctx, nil, values)
		if err := m.passed(t, codes, err); err != nil {
			return err
		}
	}
	if asBytes == nil {
		return nil
	}
	codes, err := m.EncodeBytes(ctx, nil, asBytes)
	return m.passed(t, codes, err)
}

// passed reports codes that the self-test does not keep.
func (m *Model) passed(t bundle.SelfTest, codes []byte, err error) error {
	if err != nil {
		return err
	}
	if err := t.Compare(m.Variant(), codes); err != nil {
		return visible.Error(fmt.Errorf("runtime: %w: %s on %s: %w: use another version of the library, another device, or pure Go", ErrSelfTest, m.Variant(), m.Backend(), err))
	}
	return nil
}

package rivals

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/internal/imgrid"
	"github.com/catvae/catvae/internal/projection"
)

// table holds the rivals by their names: one row each.
var table = map[string]rival{
	"dhash":       dHash,
	"hyperplanes": linear((*projection.Data).Hyperplanes, anyBits),
	"itq":         linear((*projection.Data).ITQ, fewBits),
	"pca":         linear((*projection.Data).PCA, componentBits),
	"phash":       pHash,
}

// Names returns the names of all rivals, sorted.
func Names() []string { return slices.Sorted(maps.Keys(table)) }

// Check reports a name that no rival has.
func Check(names []string) error {
	for _, name := range names {
		if _, ok := table[name]; !ok {
			return fmt.Errorf("rivals: a rival named %q: use %s", name, strings.Join(Names(), ", "))
		}
	}
	return nil
}

// A rival makes codes of rows without being trained.
type rival struct {
	// unfit says why the rival is left out for such rows, "" where it is not.
	unfit func(in input) string
	// coder returns the number of bits of its codes, and what makes the bits of a row, one byte of 0 or 1 each. That is called from
	// several goroutines at once.
	coder func(ctx context.Context, in input) (bits int, code func(dst []byte, row int) error, err error)
}

// An input is what a rival makes codes of.
type input struct {
	rows  int
	width int
	bits  int // of the model's codes: rivals have as many where they can
	row   func(i int, dst []float32)
	fit   *projection.Data // rows to be fitted to

	picture func(i int, dst []float32) // the row as it is, not standardised
	format  imgrid.Format              // of a picture
	shape   []int
}

// pictures says why rows are no pictures, "" where they are.
func (in input) pictures() string {
	if imgrid.Pictures(in.shape) && (in.format.Planes == 1 || in.format.Planes == 3) {
		return ""
	}
	return fmt.Sprintf("rows of shape %v are no pictures", in.shape)
}

// encode returns the packed codes of all rows, on all cores.
func (r rival) encode(ctx context.Context, in input) (packed []byte, bits int, err error) {
	bits, code, err := r.coder(ctx, in)
	if err != nil {
		return nil, 0, err
	}
	const chunk = 256
	parts := make([][]byte, (in.rows+chunk-1)/chunk)
	errs := make([]error, len(parts))
	limit := make(chan struct{}, cores.Count())
	var wait sync.WaitGroup
	for p := range parts {
		limit <- struct{}{}
		wait.Go(func() {
			defer func() { <-limit }()
			if errs[p] = ctx.Err(); errs[p] != nil {
				return
			}
			values := make([]byte, bits)
			for i := p * chunk; i < min(in.rows, (p+1)*chunk) && errs[p] == nil; i++ {
				if errs[p] = code(values, i); errs[p] == nil {
					parts[p], errs[p] = codes.Pack(parts[p], values, bits)
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, 0, err
		}
	}
	return slices.Concat(parts...), bits, nil
}

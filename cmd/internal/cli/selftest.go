package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// selfTest runs the self-test of the bundle, by the variant that is asked for, or by all that fit the device where it is chosen later.
func (r Rows) selfTest(ctx context.Context, env Env, variant string) (err error) {
	if r.Model == "" {
		return fmt.Errorf("%w: --self-test needs --model RUN|BUNDLE", ErrUsage)
	}
	b, err := bundle.Open(rundir.BundleOf(r.Model))
	if err != nil {
		return err
	}
	t, err := bundle.ReadSelfTest(b.Dir, b.Manifest)
	if err != nil {
		return err
	}
	on, err := r.open(ctx, env)
	if err != nil {
		return err
	}
	names := []string{variant}
	if variant == infer.VariantAuto {
		names = slices.DeleteFunc(runtime.VariantNames(b.Manifest), func(name string) bool {
			v, ok := b.Manifest.Variants[name]
			return ok && !slices.Contains(v.Devices, string(deviceOf(on)))
		})
	}
	for _, name := range names {
		if err := selfTestOf(ctx, b, t, name, on); err != nil {
			return withVariantFlags(err)
		}
		fmt.Fprintf(env.Stderr, "self-test: %d generated rows have the codes that %s keeps: %s on %s\n", t.Rows, b.Dir, name, on.Name())
	}
	return nil
}

func selfTestOf(ctx context.Context, b *bundle.Bundle, t bundle.SelfTest, variant string, on backend.Backend) (err error) {
	m, err := runtime.Open(ctx, b.Dir, runtime.WithBackend(on), runtime.WithVariant(variant))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return m.SelfTest(ctx, t)
}

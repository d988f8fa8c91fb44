package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/catvae/catvae/cmd/internal/infer"
)

// bench measures and prints to stdout.
func (g *InferCommand) bench(ctx context.Context, env Env, job infer.Job) error {
	if g.Model == "" {
		return fmt.Errorf("%w: --bench needs --model", ErrUsage)
	}
	on, err := g.open(ctx, env)
	if err != nil {
		return err
	}
	m, err := infer.Bench(ctx, job, on, g.BenchTime)
	if err != nil {
		return withVariantFlags(err)
	}
	if g.JSON {
		return json.NewEncoder(env.Stdout).Encode(m)
	}
	return m.WriteText(env.Stdout)
}

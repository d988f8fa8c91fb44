package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/train"
)

type modelsCommand struct {
	Name string `arg:"" optional:"" help:"Configuration to print."`
	Keys bool   `help:"Print every key instead, with its value in NAME (bernoulli-mlp where none is given), its range, and when to change it."`
}

// Help is printed under the flags' list.
func (modelsCommand) Help() string {
	return `Examples:

  catvae models
  catvae models bernoulli-mlp > mine.json
  catvae models --keys
  catvae models --keys categorical-mlp | grep -A 3 temperature

A file leaves out what it takes from bernoulli-mlp. catvae train --set KEY=VALUE changes single keys.

` + cli.ExitStatus
}

func (c modelsCommand) Run(env cli.Env) error {
	if c.Keys {
		return c.printKeys(env.Stdout)
	}
	if c.Name == "" {
		width := 0
		for _, name := range models.Names() {
			width = max(width, len(name))
		}
		for _, name := range models.Names() {
			fmt.Fprintf(env.Stdout, "%-*s  %s\n", width, name, models.Doc(name))
		}
		return nil
	}
	data, ok := models.Get(c.Name)
	if !ok {
		return fmt.Errorf("%w: no model is called %q: use %s", cli.ErrUsage, c.Name, strings.Join(models.Names(), ", "))
	}
	_, err := env.Stdout.Write(data)
	return err
}

// printKeys prints the keys of a configuration, each with what it is for, and then those of other kinds of networks.
func (c modelsCommand) printKeys(w io.Writer) error {
	config, err := train.LoadConfig(cmp.Or(c.Name, models.DefaultName), os.ReadFile)
	if err != nil {
		return err
	}
	printed := map[string]bool{}
	if err := printKeys(w, config.Describe(), printed); err != nil {
		return err
	}
	for _, kind := range builder.NetworkKinds() {
		for _, n := range []*builder.NetworkConfig{&config.Encoder, &config.Decoder} {
			if n.Network, err = builder.NewNetwork(kind); err != nil {
				return err
			}
		}
		docs := slices.DeleteFunc(config.Describe(), func(k train.KeyDoc) bool { return printed[k.Name] })
		if len(docs) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "\nOf networks of kind %s:\n\n", kind); err != nil {
			return err
		}
		if err := printKeys(w, docs, printed); err != nil {
			return err
		}
	}
	return nil
}

// printKeys prints keys, and notes that they are.
func printKeys(w io.Writer, docs []train.KeyDoc, printed map[string]bool) error {
	for _, k := range docs {
		printed[k.Name] = true
		value, limits := cmp.Or(k.Value, "left out"), ""
		if k.Range != "" {
			limits = " (" + k.Range + ")"
		}
		if _, err := fmt.Fprintf(w, "%s = %s\n    %s%s: %s\n    change: %s\n", k.Name, value, k.Type, limits, k.Doc, k.When); err != nil {
			return err
		}
	}
	return nil
}

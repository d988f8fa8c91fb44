package main

import (
	"bytes"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/cmd/internal/cli"
)

// commandLines has for each command what its flags are tried with.
var commandLines = map[string]string{
	"quickstart": "quickstart --out x", "train": "train --data x --out x", "eval": "eval --model x --data x", "export": "export --run x --out x",
	"encode": "encode --model x --in x --out x", "decode": "decode --model x --in x --out x", "sample": "sample --model x --out x",
	"search": "search --codes x --row 1", "index": "index --codes x --out x", "explore": "explore x", "import": "import x", "serve": "serve x", "inspect": "inspect x", "models": "models", "doctor": "doctor", "compare": "compare x", "tune": "tune --data x --out x --try seed=1..9", "infer": "--model x --in x --out x",
}

// Every flag that is a number has a range, and what is outside it is a usage error that names flag and range.
func TestRanges(t *testing.T) {
	t.Parallel()
	tried := 0
	for name, app := range map[string]func() any{"catvae": func() any { return &grammar{} }, "infer": func() any { return &cli.InferCommand{} }} {
		parser, err := kong.New(app(), cli.Vars())
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range parser.Model.Leaves(false) {
			key := command.Name
			if name == "infer" {
				key = name
			}
			line, ok := commandLines[key]
			if !ok {
				t.Errorf("%s %s has no command line here", name, command.Name)
			}
			for _, f := range command.AllFlags(false) {
				for _, flag := range f {
					if !isNumber(flag.Target.Type()) {
						continue
					}
					low, high, ok := strings.Cut(flag.Tag.Get("range"), ",")
					if !ok {
						if low != "any" {
							t.Errorf("%s %s --%s has no range", name, command.Name, flag.Name)
						}
						continue
					}
					for _, value := range outside(t, flag.Target.Type(), low, high) {
						tried++
						args := append(strings.Fields(line), flagOf(flag)+value)
						var out bytes.Buffer
						err := cli.Run(t.Context(), cli.Env{Stdout: &out, Stderr: &out}, name, description, app(), args)
						if code(err) != cli.Usage || !strings.Contains(err.Error(), strings.TrimRight(flagOf(flag), "=")) {
							t.Errorf("%s %q: exit code %d, %v", name, args, code(err), err)
						}
						if _, typed := strconv.ParseFloat(value, 64); typed == nil && !strings.Contains(err.Error(), "use "+low+" to "+high) && !strings.Contains(err.Error(), "expected") {
							t.Errorf("%s %q: the range is not named: %v", name, args, err)
						}
					}
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d values were tried", tried)
	}
}

func flagOf(f *kong.Flag) string {
	if len(f.Name) == 1 {
		return "-" + f.Name
	}
	return "--" + f.Name + "="
}

func isNumber(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return isNumber(t.Elem())
	case reflect.Bool, reflect.String, reflect.Struct:
		return false
	}
	return true
}

// outside returns values that a range does not hold.
func outside(t *testing.T, of reflect.Type, low, high string) []string {
	t.Helper()
	values := []string{"-1", "-9223372036854775808", "1e999", "NaN", "inf", "-inf", "ten"}
	if of == reflect.TypeFor[time.Duration]() {
		for _, bound := range []string{low, high} {
			if _, err := time.ParseDuration(bound); err != nil {
				t.Error(err)
			}
		}
		if least, _ := time.ParseDuration(low); least > 0 {
			values = append(values, "0s")
		}
		return append(values, "-1h", "2562047h")
	}
	for _, bound := range []string{low, high} {
		x, err := strconv.ParseFloat(bound, 64)
		if err != nil {
			t.Error(err)
		}
		if bound == low {
			values = append(values, strconv.FormatFloat(x-1, 'f', -1, 64))
		} else if of.Kind() == reflect.Float64 {
			values = append(values, strconv.FormatFloat(math.Nextafter(x, math.Inf(1)), 'g', -1, 64))
		} else {
			values = append(values, "9223372036854775807", strconv.FormatFloat(x+1, 'f', -1, 64))
		}
	}
	return values
}

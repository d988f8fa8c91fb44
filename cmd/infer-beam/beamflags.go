package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/catvae/catvae/cmd/internal/cli"
)

// parseBeamFlags parses Beam's arguments, those that Beam's packages have registered with the flag package. It returns
// the others, which are infer's.
func parseBeamFlags(args []string) (ours []string, err error) {
	var beams []string
	for i := 0; i < len(args); i++ {
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		f := flag.Lookup(name)
		switch {
		case f == nil || !strings.HasPrefix(args[i], "-"):
			ours = append(ours, args[i])
			continue
		case !hasValue && !isBool(f) && i+1 < len(args):
			beams = append(beams, args[i])
			i++
		}
		beams = append(beams, args[i])
	}
	flag.CommandLine.Init("infer-beam", flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	if err := flag.CommandLine.Parse(beams); err != nil {
		return nil, fmt.Errorf("%w: a Beam flag: %w", cli.ErrUsage, err)
	}
	return ours, nil
}

func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// beamFlags describes Beam's flags.
func beamFlags() string {
	var text bytes.Buffer
	flag.CommandLine.SetOutput(&text)
	defer flag.CommandLine.SetOutput(io.Discard)
	flag.PrintDefaults()
	return text.String()
}

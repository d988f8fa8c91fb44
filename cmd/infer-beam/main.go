// Command infer-beam is infer as an Apache Beam pipeline: the same bundle, the same rows, the same parts, spread over the
// workers of prism (in this process, the default), of Flink, or of another runner that Beam's Go SDK can submit to.
//
//	infer-beam --model bundle --in rows.npy --out codes/ --part-rows 65536
//
// Only names and counts travel through Beam. A worker reads the rows of its blocks, runs the graphs, and writes the
// parts with their records, as infer does: a part's name is fixed by its block, it appears whole, and a part that
// exists is not made again. docs/beam.md says how to run it on which runner, and what to watch out for.
//
// The program is its own module, since Beam depends on some 300 others.
package main

import (
	"fmt"
	"os"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/catvae/catvae/cmd/internal/cli"
)

func main() {
	ours, err := parseBeamFlags(os.Args[1:])
	if err == nil {
		beam.Init() // a worker that a runner has started never returns from it
		err = setLog(os.Getenv(logVariable))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "infer-beam: %s\n", cli.OneLine(err))
		os.Exit(cli.Code(err))
	}
	os.Args = append(os.Args[:1], ours...)
	os.Exit(cli.Main("infer-beam", description, &command{}, code))
}

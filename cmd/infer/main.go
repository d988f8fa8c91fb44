// Command infer runs a bundle over rows: a bundle and a source in, codes, logits, reconstructions or scores out. It needs the
// bundle, the onnxruntime library and nothing else; it links no model code.
//
//	infer --model bundle --in t10k-images-idx3-ubyte.gz --out codes.npy
//
// codes.npy holds uint8 [rows, bytes], most significant bit first: numpy.unpackbits(codes, axis=1) gives the bits, and
// FAISS reads it as it is. infer --help names the sources and formats; docs/formats.md describes them.
package main

import (
	"os"

	"github.com/catvae/catvae/cmd/internal/cli"
)

func main() { os.Exit(cli.Main("infer", cli.InferDescription, &cli.InferCommand{}, cli.Code)) }

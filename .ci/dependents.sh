#!/usr/bin/env bash
# go mod tidy, vet and build hold in modules that import this one, with what they may import besides.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ours=github.com/catvae/catvae

# dependent NAME PACKAGE...: a module that imports the packages.
dependent() {
	mkdir "$work/$1"
	cd "$work/$1"
	shift
	printf 'module example.com/dependent\n\ngo 1.26.0\n\nreplace %s => %s\n' "$ours" "$root" >go.mod
	{
		printf 'package main\n\nimport (\n'
		printf '\t_ "%s"\n' "$@"
		printf ')\n\nfunc main() {}\n'
	} >main.go
	go mod tidy 2>"$work/tidy" || {
		cat "$work/tidy" >&2
		return 1
	}
	go vet .
}
dependent rows "$ours/dataset"
dependent tables "$ours/dataset" "$ours/dataset/parquet" "$ours/codes/parquet"
dependent gorgonia "$ours/dataset" gorgonia.org/gorgonia gorgonia.org/tensor
dependent everything "$ours/dataset" "$ours/train" "$ours/export" "$ours/builder/importer" "$ours/runtime/onnxruntime" gorgonia.org/gorgonia
dependent grpc "$ours/dataset" "$ours/export" google.golang.org/grpc google.golang.org/grpc/status google.golang.org/genproto/googleapis/rpc/errdetails

#!/usr/bin/env bash
# Trains the configurations of the catalogue, each by the command line, and compares bounds with the table of models/README.md.
# rows.py says what DIR must hold, and makes the rest.
#
#   bench/catalogue/run.sh --data DIR                          all
#   bench/catalogue/run.sh --data DIR bernoulli-mlp mnist-mlp mnist-conv     these, and how much better convolutions are in which time
#   bench/catalogue/run.sh --data DIR --write                  writes times and figures into the table
#
# Times are of the whole command, on a machine that does nothing else.
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/catvae" ./cmd/catvae
check=$PWD/bench/catalogue/check.py
cd "$here"
python3 "$check" --catvae "$work/catvae" --out "$work" "$@"

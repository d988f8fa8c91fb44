#!/usr/bin/env bash
# Trains and measures the rows of docs/results.md by the command line.
#
#   bench/results/run.sh --show                                the commands, to be copied
#   bench/results/run.sh --data DIR mnist-search-64            one row
#   bench/results/run.sh --data DIR --seeds 1,2,3 --write      all, into bench/results/figures.json and the page
#
# bench/catalogue/rows.py says what DIR must hold, and bench/neardup/make.py makes DIR/neardup. A row takes 2 to 12 minutes on two cores.
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/catvae" ./cmd/catvae
results=$PWD/bench/results/results.py
cd "$here"
python3 "$results" --catvae "$work/catvae" --out "$work" "$@"

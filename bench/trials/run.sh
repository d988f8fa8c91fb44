#!/usr/bin/env bash
# Tries what catvae and infer promise: bench/trials/table.go has a row for each promise. It needs Go and nothing else; two trials,
# powercuts and errno, also need strace, and are skipped in words without it.
#
#   bench/trials/run.sh --short                    arguments go to the Go program: see --help
#   bench/trials/run.sh --results long.json        the long form, in pieces: stop it at any time, and give the command again
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/../.."
source=$PWD
bin=${CATVAE_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/catvae/bench-trials}
go build -o "$bin/" ./cmd/catvae ./cmd/infer ./bench/trials
CGO_ENABLED=0 go build -o "$bin/infer-purego" ./cmd/infer
"$bin/catvae" doctor --install >/dev/null
cd "$here"
exec "$bin/trials" --binaries "$bin" --source "$source" "$@"

#!/usr/bin/env bash
# Tries what infer promises: killed runs, shards, bad rows, memory, start. It needs Go and nothing else.
#
#   bench/trials/run.sh --short                    arguments go to the Go program: see --help
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/../.."
bin=${CATVAE_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/catvae/bench-trials}
go build -o "$bin/" ./cmd/catvae ./cmd/infer ./bench/trials
"$bin/catvae" doctor --install >/dev/null
cd "$here"
exec "$bin/trials" --binaries "$bin" "$@"

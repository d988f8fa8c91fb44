#!/usr/bin/env bash
# Times exact search next to FAISS and prints the table of docs/search.md. FAISS is installed into a folder of its own
# (some 200 MB) and stays there for the next time.
#
#   bench/search/run.sh --bits 256                 arguments go to the Go program: see --help
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/../.."
venv=${CATVAE_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/catvae/bench-search}
wanted=bench/search/requirements.txt
if ! cmp --silent "$wanted" "$venv/requirements.txt"; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
	cp "$wanted" "$venv/requirements.txt"
fi
go build -o "$venv/search" ./bench/search
script=$PWD/bench/search/search.py
cd "$here"
exec "$venv/search" --python "$venv/bin/python" --twin "$script" "$@"

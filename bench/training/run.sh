#!/usr/bin/env bash
# Times training steps next to PyTorch and prints the table of docs/speed.md. PyTorch is installed into a folder of its own
# (some 2 GB) and stays there for the next time.
#
#   bench/training/run.sh --data mnist/            arguments go to the Go program: see --help
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/../.."
venv=${CATVAE_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/catvae/bench-training}
wanted=bench/training/requirements.txt
if ! cmp --silent "$wanted" "$venv/requirements.txt"; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
	cp "$wanted" "$venv/requirements.txt"
fi
go build -o "$venv/training" ./bench/training
script=$PWD/bench/training/twin.py
cd "$here"
exec "$venv/training" --python "$venv/bin/python" --twin "$script" --tape "$@"

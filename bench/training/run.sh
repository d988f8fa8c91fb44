#!/usr/bin/env bash
# Times training steps beside PyTorch and prints the table of docs/speed.md. PyTorch is installed into a folder of its own
# (some 2 GB) and stays there for the next time.
#
#   bench/training/run.sh --data mnist/            arguments go to the Go program: see --help
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${CATVAE_BENCH_VENV:-bench/training/.venv}
if [ ! -x "$venv/bin/python" ]; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r bench/training/requirements.txt
fi
go build -o "$venv/training" ./bench/training
exec "$venv/training" --python "$venv/bin/python" --tape "$@"

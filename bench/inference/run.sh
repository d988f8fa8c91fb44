#!/usr/bin/env bash
# Times infer next to PyTorch and onnxruntime in Python, and prints the tables of docs/speed.md. Python's packages are
# installed into a folder of their own (some 5 GB) and stay there for the next time.
#
#   bench/inference/run.sh --data mnist/ --model bundle/        arguments go to the Go program: see --help
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/../.."
venv=${CATVAE_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/catvae/bench-inference}
wanted=bench/inference/requirements.txt
if ! cmp --silent "$wanted" "$venv/requirements.txt"; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
	cp "$wanted" "$venv/requirements.txt"
fi
go build -o "$venv/catvae/" ./cmd/catvae ./cmd/infer ./bench/inference
scripts=$PWD/bench/inference
cd "$here"
exec "$venv/catvae/inference" --python "$venv/bin/python" --scripts "$scripts" --binaries "$venv/catvae" "$@"

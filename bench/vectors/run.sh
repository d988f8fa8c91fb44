#!/usr/bin/env bash
# Measures codes of vectors beside those of FAISS, rabitqlib and turbovec, and prints the rows of docs/vectors.md. The rivals are installed into a
# folder of their own (some 400 MB) and stay there for the next time. bench/vectors/rows.py says how the vectors are made.
#
#   bench/vectors/run.sh --rows DIR                                             everything, by one seed: about two hours
#   bench/vectors/run.sh --rows DIR --data minilm --bits 128 --seeds 1,2,3      arguments go to vectors.py: see --help
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/../.."
venv=${CATVAE_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/catvae/bench-vectors}
wanted=bench/vectors/requirements.txt
if ! cmp --silent "$wanted" "$venv/requirements.txt"; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
	cp "$wanted" "$venv/requirements.txt"
fi
go build -o "$venv/" ./cmd/catvae ./cmd/infer
script=$PWD/bench/vectors/vectors.py
cd "$here"
exec "$venv/bin/python" "$script" --catvae "$venv/catvae" --infer "$venv/infer" "$@"

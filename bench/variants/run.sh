#!/usr/bin/env bash
# Trains the default model on MNIST for five epochs, exports it with every variant and prints the tables of docs/variants.md:
# agreement and speed, retrieval, and the speed of other ways to write 8 bits. What it makes stays for the next time.
#
#   bench/variants/run.sh MNIST_FOLDER
set -euo pipefail
data=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
work=${CATVAE_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/catvae/bench-variants}
wanted=bench/variants/requirements.txt
if ! cmp --silent "$wanted" "$work/requirements.txt"; then
	python3 -m venv "$work"
	"$work/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
	cp "$wanted" "$work/requirements.txt"
fi
go build -o "$work/" ./cmd/catvae ./bench/variants
"$work/catvae" doctor --install >/dev/null
if [ ! -d "$work/run/bundle" ]; then
	"$work/catvae" train --data "$data" --out "$work/run" --epochs 5 --force
fi
"$work/catvae" export --run "$work/run" --out "$work/bundle" --force --variants int8,uint8,float16 --data "$data"
"$work/variants" --data "$data" --model "$work/bundle"
"$work/bin/python" bench/variants/forms.py

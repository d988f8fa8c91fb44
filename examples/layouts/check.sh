#!/usr/bin/env bash
# Exports a run in every layout, opens each by its reader's own library, and wants infer's codes.
#
#   check.sh FOLDER_WITH_CATVAE_AND_INFER PYTHON RUN WORK_FOLDER [FOLDER_WITH_NODE_MODULES]
#
# RUN's rows are pictures of 28x28. PYTHON has requirements.txt; with a last argument, node_modules there has @huggingface/transformers.
set -euo pipefail
bin=$1 python=$2 run=$3 work=$4 modules=${5:-}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
name=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["name"])' "$run/bundle/manifest.json")
"$python" - "$work/bytes.npy" "$work/rows.npy" <<'PY'
import sys, numpy
rows = numpy.random.default_rng(1).integers(0, 256, (100, 28, 28), numpy.uint8)
numpy.save(sys.argv[1], rows)
numpy.save(sys.argv[2], (rows / numpy.float32(255)).astype(numpy.float32))
PY
"$bin/infer" --model "$run/bundle" --in "$work/bytes.npy" --out "$work/codes.npy" --force 2>/dev/null
for layout in triton mlflow transformersjs huggingface; do
	"$bin/catvae" export --run "$run" --out "$work/$layout" --layout $layout --force 2>"$work/$layout.log" || {
		cat "$work/$layout.log" >&2
		exit 1
	}
done
"$python" "$here/triton_check.py" "$work/triton" "$name" "$work/rows.npy" "$work/codes.npy"
"$python" "$here/mlflow_check.py" "$work/mlflow" "$work/rows.npy" "$work/codes.npy" 2>/dev/null
"$python" "$here/huggingface_check.py" "$work/huggingface"
"$bin/infer" --model "$work/huggingface" --in "$work/bytes.npy" --out "$work/again.npy" --force 2>/dev/null
cmp "$work/codes.npy" "$work/again.npy"
if [ -n "$modules" ]; then
	cp "$here/transformers_check.mjs" "$modules/"
	node "$modules/transformers_check.mjs" "$work/transformersjs" "$work/rows.npy" "$work/codes.npy" 2>/dev/null
else
	echo "transformers.js: skipped, no folder with node_modules was given"
fi

#!/usr/bin/env bash
# Trains small models, encodes with infer and with Python's onnxruntime, and wants the same codes from both.
#
#   check.sh FOLDER_WITH_CATVAE_AND_INFER PYTHON WORK_FOLDER
set -euo pipefail
bin=$1 python=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
"$bin/catvae" doctor --install >/dev/null

# The rows to encode: MNIST's test images where they are at hand, else glyphs written out.
if [ -n "${CATVAE_MNIST:-}" ]; then
	data=$CATVAE_MNIST held=40000 rows=$CATVAE_MNIST/t10k-images-idx3-ubyte.gz
else
	data=glyphs held=1000 rows=$work/glyphs.npy
	"$python" - "$rows" <<-'PY'
		import sys, numpy
		numpy.save(sys.argv[1], numpy.random.default_rng(1).integers(0, 256, (2000, 28, 28), numpy.uint8))
	PY
fi

check() { # NAME TRAIN_FLAGS...
	name=$1
	shift
	"$bin/catvae" train --data "$data" --out "$work/$name" --epochs 1 --samples 1 "$@" 2>"$work/$name.log" || {
		cat "$work/$name.log" >&2
		exit 1
	}
	"$bin/infer" --model "$work/$name/bundle" --in "$rows" --out "$work/$name.npy"
	"$python" "$here/encode.py" "$work/$name/bundle" "$rows" "$work/$name-python.npy" --compare "$work/$name.npy"
	"$python" "$here/page.py" "$work/$name/bundle" "$rows" "$work/$name.npy"
	if [ -x "$bin/infer-purego" ]; then # built without cgo
		"$bin/infer-purego" --model "$work/$name/bundle" --in "$rows" --out "$work/$name-purego.npy"
		"$python" "$here/encode.py" "$work/$name/bundle" "$rows" "$work/$name-python.npy" --compare "$work/$name-purego.npy"
	fi
}

# PyTorch's models, imported and trained a little further: the bundle's codes are Python's.
imported() { # NAME
	torch=$here/../../builder/importer/testdata
	{
		"$bin/catvae" import "$torch/$1-encoder.onnx" "$torch/$1-decoder.onnx" --out "$work/$1"
		"$bin/catvae" train --config "$work/$1/config.json" --data "$torch/rows.npy" --out "$work/$1-tuned" --epochs 1 --samples 1
	} 2>"$work/$1.log" || {
		cat "$work/$1.log" >&2
		exit 1
	}
	for run in "$1" "$1-tuned"; do
		"$bin/infer" --model "$work/$run/bundle" --in "$torch/rows.npy" --out "$work/$run.npy"
		"$python" "$here/encode.py" "$work/$run/bundle" "$torch/rows.npy" "$work/$run-python.npy" --compare "$work/$run.npy"
	done
}

# Variants of a run: the same codes from both, too.
variants() { # NAME
	"$bin/catvae" export --run "$work/$1" --out "$work/$1-variants" --variants int8,uint8,float16 --data "$data" 2>"$work/$1-variants.log" || {
		cat "$work/$1-variants.log" >&2
		exit 1
	}
	for variant in int8 uint8 float16; do
		"$bin/infer" --model "$work/$1-variants" --in "$rows" --out "$work/$1-$variant.npy" --variant $variant
		"$python" "$here/encode.py" "$work/$1-variants" "$rows" "$work/python-$variant.npy" --variant $variant --compare "$work/$1-$variant.npy"
	done
}

# Pictures become the same rows in Go (picture/testdata/rows.json is held against its own), Python and JavaScript.
vectors=$(cd "$here/../../picture/testdata" && pwd)
"$python" "$here/pictures.py" --check "$vectors/rows.json"
if command -v node >/dev/null; then
	node "$here/../javascript/pictures.mjs" "$vectors/rows.json"
fi
"$bin/catvae" train --data "$vectors" --out "$work/pictures" --epochs 1 --samples 1 --batch 8 --set data.validation=8 \
	--set data.image_size=12x10 --set data.resize=bilinear --set encoder.hidden=16 --set decoder.hidden=16 2>"$work/pictures.log" || {
	cat "$work/pictures.log" >&2
	exit 1
}
"$bin/infer" --model "$work/pictures/bundle" --in "$vectors/*.png" --out "$work/pictures.csv" --text hex
"$python" "$here/pictures.py" "$work/pictures/bundle" "$vectors"/*.png >"$work/pictures.txt"
same=0
while read -r code name; do
	if grep -q "^$name,$code" "$work/pictures.csv"; then same=$((same + 1)); else echo "$name: Python's code $code is not infer's" >&2; fi
done <"$work/pictures.txt"
[ "$same" -ge 11 ] # of 13: of JPEG and 16 bits they may differ
echo "pictures: $same codes of Python are infer's"

check bernoulli --set data.validation=$held --set encoder.hidden=64 --set decoder.hidden=64
check categorical --config categorical-mlp --set data.validation=$held --set encoder.hidden=64 --set decoder.hidden=64
check odd --set latent.variables=37 --set encoder.hidden=33 --set decoder.hidden=33 --set data.validation=$held
variants bernoulli
variants categorical
for exporter in script dynamo; do
	imported bernoulli-$exporter
	imported mixed-$exporter
	imported categorical-$exporter
done

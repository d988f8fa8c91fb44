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

# Every kind of rows, from a raw file to the same codes: real numbers and counts enter the graphs as they are.
kind() { # NAME SOURCE ROWS_FOR_PYTHON TRAIN_FLAGS...
	name=$1 source=$work/kinds/$2 raw=$work/kinds/$3
	shift 3
	"$bin/catvae" train --data "$source" --out "$work/kind-$name" --steps 60 --batch 32 --samples 1 --set data.binarize=none \
		--set encoder.hidden=32 --set decoder.hidden=32 --set latent.variables=24 "$@" 2>"$work/kind-$name.log" || {
		cat "$work/kind-$name.log" >&2
		exit 1
	}
	"$bin/infer" --model "$work/kind-$name/bundle" --in "$source" --out "$work/kind-$name.npy"
	"$python" "$here/encode.py" "$work/kind-$name/bundle" "$raw" "$work/kind-$name-python.npy" --compare "$work/kind-$name.npy"
}
"$python" "$here/kinds.py" "$work/kinds"
kind colours colours.npy colours.npy --set data.layout=auto
kind logistic colours.npy colours.npy --set data.layout=auto --set likelihood.kind=logistic
kind embeddings embeddings.npy embeddings.npy --set likelihood.kind=gaussian --set data.standardise=all
kind thresholds embeddings.npy embeddings.npy --set likelihood.kind=gaussian --set data.standardise=all --set latent.thresholds=median
kind table table.csv table.csv --set likelihood.kind=gaussian --set data.standardise=column
kind counts counts.npz counts.npz --set likelihood.kind=multinomial --set data.standardise=log
kind layers embeddings.npy embeddings.npy --set likelihood.kind=gaussian --set data.standardise=all \
	--set latent.kind=hierarchical --set latent.groups=bernoulli:16,categorical:8x4
kind predicted table.csv table.csv --set likelihood.kind=gaussian --set data.standardise=column --set data.predict=2
kind poisson counts.svm counts.npz --set likelihood.kind=poisson --set data.standardise=log
"$bin/infer" --model "$work/kind-counts/bundle" --in "$work/kinds/counts.svm" --out "$work/kind-svm.npy" --first-column 1
cmp "$work/kind-counts.npy" "$work/kind-svm.npy" # the same rows in another format

# Encoders that search codebooks: the whole search is in the graph.
for name in rq residual; do
	"$bin/catvae" train --data "$work/kinds/embeddings.npy" --out "$work/$name" --config $name --samples 1 --batch 100 --set latent.variables=4 --set latent.categories=16 \
		--set data.standardise=all 2>"$work/$name.log" || {
		cat "$work/$name.log" >&2
		exit 1
	}
	"$bin/infer" --model "$work/$name/bundle" --in "$work/kinds/embeddings.npy" --out "$work/$name.npy"
	"$python" "$here/encode.py" "$work/$name/bundle" "$work/kinds/embeddings.npy" "$work/$name-python.npy" --compare "$work/$name.npy"
done

# Colour pictures of several sizes: the same bytes from Pillow, and so the same codes.
"$bin/catvae" train --data "$work/kinds/colours" --out "$work/colours" --steps 40 --batch 16 --samples 1 --set data.binarize=none \
	--set data.color=auto --set data.image_size=12x10 --set data.fit=fill --set encoder.hidden=32 --set decoder.hidden=32 2>"$work/colours.log" || {
	cat "$work/colours.log" >&2
	exit 1
}
"$bin/infer" --model "$work/colours/bundle" --in "$work/kinds/colours" --out "$work/colours.csv" --text hex
"$bin/infer" --model "$work/colours/bundle" --in "$work/kinds/colours" --mode reconstruct --out "$work/colours.png"
"$python" "$here/pictures.py" "$work/colours/bundle" "$work/kinds/colours"/*.png >"$work/colours.txt"
while read -r code name; do
	grep -q "^$(basename "$name"),$code" "$work/colours.csv" || { echo "$name: Python's code $code is not infer's" >&2 && exit 1; }
done <"$work/colours.txt"
echo "colour pictures: $(wc -l <"$work/colours.txt") codes of Python are infer's"

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

#!/usr/bin/env bash
# Takes real data of each kind from a raw file to codes, by the commands of README.md and the catalogue's configurations, and wants the same
# codes from Python's onnxruntime.
#
#   walkthrough.sh FOLDER_WITH_CATVAE_AND_INFER PYTHON DATA WORK_FOLDER [STEPS]
#
# DATA is a folder that bench/catalogue/rows.py has made: clipart, fashion, glove.npy, counts.npy, table.csv. What it lacks is passed over, and said.
set -euo pipefail
bin=$1 python=$2 data=$3 work=$4 steps=${5:-200}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"

train() { # NAME CONFIG SOURCE
	echo "== $1: $2 on $3"
	"$bin/catvae" train --data "$3" --out "$work/$1" --config "$2" --steps "$steps" --samples 1 --max-bad 0.05 --force 2>"$work/$1.log" || [ $? -eq 3 ] || {
		cat "$work/$1.log" >&2
		exit 1
	}
	grep -E "^(held-out rows|hard codes)" "$work/$1.log"
}

rows() { # NAME CONFIG SOURCE
	if [ ! -e "$3" ]; then
		echo "== $1: $3 is missing"
		return
	fi
	train "$@"
	"$bin/infer" --model "$work/$1/bundle" --in "$3" --out "$work/$1.npy" --force
	"$python" "$here/encode.py" "$work/$1/bundle" "$3" "$work/$1-python.npy" --compare "$work/$1.npy"
}

if [ -e "$data/counts.npy" ]; then # sparse, as scipy.sparse.save_npz writes it
	"$python" - "$data/counts.npy" "$work/counts.npz" <<-'PY'
		import sys, numpy
		a = numpy.load(sys.argv[1]).astype(numpy.int64)
		at = numpy.nonzero(a)
		ends = numpy.concatenate([[0], numpy.cumsum((a > 0).sum(axis=1))])
		numpy.savez_compressed(sys.argv[2], indices=at[1].astype(numpy.int32), indptr=ends, format=numpy.array(b"csr"), shape=numpy.array(a.shape), data=a[at])
	PY
fi
rows counts text-counts "$work/counts.npz"
rows embeddings embeddings-binary "$data/glove.npy"
rows categories embeddings-categorical "$data/glove.npy"
rows table table "$data/table.csv"
if [ -e "$data/fashion" ]; then # a folder with MNIST's four files
	train fashion fashion-conv "$data/fashion"
	rows="$data/fashion/t10k-images-idx3-ubyte.gz"
	"$bin/infer" --model "$work/fashion/bundle" --in "$rows" --out "$work/fashion.npy" --force
	"$python" "$here/encode.py" "$work/fashion/bundle" "$rows" "$work/fashion-python.npy" --compare "$work/fashion.npy"
fi

if [ -e "$data/clipart" ]; then
	train colours colour-conv "$data/clipart"
	mkdir -p "$work/some" # pictures that Pillow and Go decode alike
	find -L "$data/clipart" -name '*.png' | sort | sed -n 1,200p | while read -r f; do cp "$f" "$work/some/"; done
	"$bin/infer" --model "$work/colours/bundle" --in "$work/some" --out "$work/colours.csv" --text hex --max-bad 0.05 --force || [ $? -eq 3 ]
	"$bin/infer" --model "$work/colours/bundle" --in "$work/some" --out "$work/colours.png" --mode reconstruct --max-bad 0.05 --force || [ $? -eq 3 ]
	"$python" "$here/pictures.py" "$work/colours/bundle" "$work/some"/*.png >"$work/colours.txt"
	"$python" - "$work/colours.csv" "$work/colours.txt" <<-'PY'
		import csv, os, sys
		ours = {r[0]: r[1] for r in csv.reader(open(sys.argv[1]))}
		theirs = {os.path.basename(name): code for code, name in (l.rstrip("\n").split("  ", 1) for l in open(sys.argv[2]))}
		bits = [bin(int(ours[n], 16) ^ int(c, 16)).count("1") for n, c in theirs.items() if n in ours]
		print(f"colours: {bits.count(0)} of {len(bits)} codes of Python are infer's, {sum(bits)} bits differ")
		sys.exit(sum(bits) > len(bits) // 20)  # a bit whose logit is within rounding of 0 may differ
	PY
fi

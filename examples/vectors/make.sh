#!/usr/bin/env bash
# Makes vectors, their codes in each form, and what catvae search finds among them: README.md lists the files.
#
#   make.sh FOLDER_WITH_CATVAE_AND_INFER PYTHON FOLDER
set -euo pipefail
bin=$1 python=$2 folder=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
"$python" "$here/rows.py" "$folder"
cd "$folder"

quiet() { # COMMAND..., whose words are shown only where it fails
	"$@" >make.log 2>&1 || {
		cat make.log >&2
		exit 1
	}
}
encode() { # MODEL ROWS OUT FLAGS...
	quiet "$bin/infer" --force --model "$1/bundle" --in "$2" --out "$3" "${@:4}"
}

quiet "$bin/catvae" train --force --data vectors.npy --out bits --config itq --samples 1 --set latent.variables=60 \
	--set data.standardise=none --set data.vector.steps=normalise,centre
quiet "$bin/catvae" train --force --data vectors.npy --out categories --epochs 0 --samples 1 --set encoder.kind=rq --set decoder.kind=additive \
	--set latent.kind=categorical --set latent.variables=6 --set latent.categories=32 --set likelihood.kind=gaussian --set data.binarize=none
for format in npy csv parquet; do
	encode bits vectors.npy "codes.$format"
	encode bits new.npy "queries.$format"
done
encode bits new.npy floats.npy --codes query
encode categories vectors.npy index.npy --codes index
encode categories new.npy tables.npy --codes query

"$bin/catvae" search --codes codes.npy --queries queries.npy -k 10 >by-code.csv
"$bin/catvae" search --codes codes.npy --queries floats.npy -k 10 >by-float.csv
"$bin/catvae" search --codes index.npy --queries tables.npy -k 10 >by-table.csv
"$bin/catvae" search --codes codes.npy --queries queries.npy -k 10 --rescore vectors.npy --query-vectors new.npy --first 100 >rescored.csv
rm make.log

#!/usr/bin/env bash
# Wants what catvae search found by float queries, by look-up tables, and by vectors among the nearest codes.
#
#   vectors.sh PYTHON FOLDER_THAT_EXAMPLES_VECTORS_MADE WORK_FOLDER
set -euo pipefail
python=$1 made=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
compare() { "$python" "$here/../vectors/compare.py" "$made/$1" "$work/faiss-$2" "${@:3}"; }

"$python" "$here/floats.py" "$made/codes.npy" "$made/floats.npy" 10 >"$work/faiss-floats.csv"
compare by-float.csv floats.csv
"$python" "$here/rerank.py" "$made/codes.npy" "$made/queries.npy" 10 3000 --floats "$made/floats.npy" >"$work/faiss-floats-all.csv"
compare by-float.csv floats-all.csv
"$python" "$here/rerank.py" "$made/codes.npy" "$made/queries.npy" 10 100 --floats "$made/floats.npy" >"$work/faiss-floats-100.csv"
compare by-float.csv floats-100.csv --share 0.95 # what is not among the 100 nearest codes is not found
"$python" "$here/rerank.py" "$made/codes.npy" "$made/queries.npy" 10 100 --vectors "$made/vectors.npy" --query-vectors "$made/new.npy" \
	>"$work/faiss-rescored.csv"
compare rescored.csv rescored.csv --share 0.97 # the 100th may be another of equally near codes
"$python" "$here/tables.py" "$made/index.npy" "$made/tables.npy" 10 >"$work/faiss-tables.csv"
compare by-table.csv tables.csv

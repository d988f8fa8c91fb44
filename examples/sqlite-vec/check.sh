#!/usr/bin/env bash
# Wants what catvae search found, from SQLite with sqlite-vec.
#
#   check.sh PYTHON FOLDER_THAT_EXAMPLES_VECTORS_MADE WORK_FOLDER
set -euo pipefail
python=$1 made=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
rm -f "$work/codes.db"
search() {
	"$python" "$here/search.py" "$work/codes.db" "$made/codes.npy" "$made/vectors.npy" "$made/queries.npy" "$made/new.npy" "$@"
}
search 10 >"$work/sqlite-vec.csv"
"$python" "$here/../vectors/compare.py" "$made/by-code.csv" "$work/sqlite-vec.csv"
search 10 100 >"$work/sqlite-vec-rescored.csv"
"$python" "$here/../vectors/compare.py" "$made/rescored.csv" "$work/sqlite-vec-rescored.csv" --share 0.97 # the 100th may be another of equally near codes

#!/usr/bin/env bash
# Wants what catvae search found, from DuckDB.
#
#   check.sh PYTHON FOLDER_THAT_EXAMPLES_VECTORS_MADE WORK_FOLDER
set -euo pipefail
python=$1 made=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
search() { "$python" "$here/search.py" "$made/codes.parquet" "$made/queries.parquet" "$@"; }
search 10 >"$work/duckdb.csv"
cmp "$made/by-code.csv" "$work/duckdb.csv" # the lower row first among equally near ones, too
"$python" "$here/../vectors/compare.py" "$made/by-code.csv" "$work/duckdb.csv"
search 10 100 "$made/vectors.csv" "$made/new.csv" 48 >"$work/duckdb-rescored.csv"
"$python" "$here/../vectors/compare.py" "$made/rescored.csv" "$work/duckdb-rescored.csv"

#!/usr/bin/env bash
# Wants what catvae search found, from Qdrant's client, which searches in memory.
#
#   check.sh PYTHON FOLDER_THAT_EXAMPLES_VECTORS_MADE WORK_FOLDER
set -euo pipefail
python=$1 made=$2 work=$3/qdrant
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
"$python" "$here/search.py" :memory: "$made"/{codes,vectors,queries,new,floats}.npy "$work"
"$python" "$here/../vectors/compare.py" "$made/by-code.csv" "$work/by-code.csv"
"$python" "$here/../vectors/compare.py" "$made/by-float.csv" "$work/by-float.csv"
"$python" "$here/../vectors/compare.py" "$made/rescored.csv" "$work/rescored.csv" --share 0.97 # the 100th may be another of equally near codes

#!/usr/bin/env bash
# Wants the same distances from FAISS and from catvae search, query by query and rank by rank.
#
#   check.sh CATVAE PYTHON CODES.npy WORK_FOLDER
set -euo pipefail
catvae=$1 python=$2 codes=$3 work=$4
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
"$python" -c 'import sys, numpy; numpy.save(sys.argv[2], numpy.load(sys.argv[1])[:200])' "$codes" "$work/queries.npy"
"$catvae" search --codes "$codes" --queries "$work/queries.npy" -k 20 | cut -d, -f1,2,4 >"$work/ours.csv"
"$python" "$here/search.py" "$codes" "$work/queries.npy" 20 | cut -d, -f1,2,4 >"$work/theirs.csv"
cmp "$work/ours.csv" "$work/theirs.csv"
echo "catvae search and FAISS: $(($(wc -l <"$work/ours.csv") - 1)) distances, all equal ($(basename "$codes"))"

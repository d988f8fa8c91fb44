#!/usr/bin/env bash
# catvae serve gives tritonclient, by HTTP and gRPC, the codes that infer writes; SIGTERM ends it with 130.
#
#   bench/serve/check.sh FOLDER_OF_PROGRAMS PYTHON BUNDLE WORK
#
# PYTHON has tritonclient[http,grpc] and numpy. BUNDLE is of grey pictures: 10,000 rows of any pixels are encoded.
set -euo pipefail
bin=$1 python=$2 bundle=$3 work=$4 rows=$4/rows.npy
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
"$python" "$here/schema.py" "$here/../../cmd/internal/serve/inferencepb/inference.proto"
"$python" - "$bundle/manifest.json" "$rows" <<'PY'
import json, sys, numpy
shape = json.load(open(sys.argv[1], encoding="utf-8"))["input"]["shape"]
numpy.save(sys.argv[2], numpy.random.default_rng(1).integers(0, 256, (10_000, *shape), numpy.uint8))
PY
"$bin/infer" --model "$bundle" --in "$rows" --out "$work/codes.npy" --force
"$bin/catvae" serve "m=$bundle" --listen 127.0.0.1:0 --grpc 127.0.0.1:0 >"$work/addresses" 2>"$work/log" &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in $(seq 300); do
	if [ "$(wc -l <"$work/addresses")" = 2 ]; then break; fi
	if ! kill -0 $server; then cat "$work/log" >&2 && exit 1; fi
	sleep 0.1
done
"$python" "$here/check.py" $(sed 's,.*://,,' "$work/addresses") m "$rows" "$work/codes.npy"
kill -TERM $server
code=0
wait $server || code=$?
if [ $code != 130 ]; then
	echo "serve ended with $code after SIGTERM, not with 130" >&2
	exit 1
fi

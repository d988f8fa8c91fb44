#!/usr/bin/env bash
# Times catvae serve beside FastAPI with onnxruntime, in turns, and prints the figures as JSON. Python's packages are installed into a folder of
# their own and stay there for the next time.
#
#   bench/serve/run.sh BUNDLE [ARGUMENTS]        arguments go to the Go program: see --help
set -euo pipefail
bundle=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/../.."
venv=${CATVAE_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/catvae/bench-serve}
wanted=bench/serve/requirements.txt
if ! cmp --silent "$wanted" "$venv/requirements.txt"; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
	cp "$wanted" "$venv/requirements.txt"
fi
go build -o "$venv/catvae/" ./cmd/catvae ./bench/serve
work=$(mktemp -d)
BUNDLE=$bundle "$venv/bin/uvicorn" --app-dir bench/serve fastapi_server:app --port 8199 --loop uvloop --http httptools --no-access-log --log-level warning --workers "$(nproc)" &
other=$!
"$venv/catvae/catvae" serve "m=$bundle" --listen 127.0.0.1:0 --grpc off >"$work/out" 2>"$work/log" &
ours=$!
trap 'kill $ours $other 2>/dev/null || true; wait; rm -rf "$work"' EXIT
for _ in $(seq 300); do
	if [ -s "$work/out" ] && curl -sf localhost:8199/ready >/dev/null; then break; fi
	sleep 0.1
done
"$venv/catvae/serve" --catvae "$(sed 's,http://,,' "$work/out")" --fastapi 127.0.0.1:8199 --pid "$ours" --other-pid "$other" "$@"

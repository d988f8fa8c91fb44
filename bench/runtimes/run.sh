#!/usr/bin/env bash
# Runs two bundles with all their variants on every runtime of rows.json, and writes docs/runtimes.md.
#
#   bench/runtimes/run.sh                                 every row: an hour, and 10 GB below the user's cache
#   bench/runtimes/run.sh 'OpenCV 4.10.0' 'tract*'        some rows, by name or pattern
#   bench/runtimes/run.sh --new                           those that figures.json lacks
#
# CATVAE_MNIST, a folder with MNIST's files, gives the rows; glyphs where it is not set. Wanted are Go, Python 3 with venv, and what the rows need: Pythons
# of 3.7 to 3.13 (on the PATH, or pyenv's), Node, Chromium, Maven, cargo. A row whose tool is missing says so in figures.json and is not in the table.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${XDG_CACHE_HOME:-$HOME/.cache}/catvae/runtimes rows=${CATVAE_MNIST:-glyphs}
mkdir -p "$work"
go build -o "$work/" ./cmd/catvae ./examples/cases
"$work/catvae" doctor --install >/dev/null
for kind in bernoulli categorical; do
	[ -d "$work/$kind-bundle" ] && continue
	rm -rf "$work/$kind-run"
	"$work/catvae" train --data "$rows" --config $kind-mlp --steps 1200 --samples 1 --out "$work/$kind-run"
	"$work/catvae" export --run "$work/$kind-run" --out "$work/$kind-bundle" --variants int8,uint8,float16 --data "$rows"
done
if [ ! -x "$work/venv/bin/python" ]; then
	python3 -m venv "$work/venv"
	"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r bench/runtimes/requirements.txt
fi
exec "$work/venv/bin/python" bench/runtimes/runtimes.py --bernoulli "$work/bernoulli-bundle" --categorical "$work/categorical-bundle" \
	--cases "$work/cases" --rows "$rows" --work "$work" --write "$@"

#!/usr/bin/env bash
# Makes the pictures of the near-duplicate protocol and measures perceptual hashes on them: the tables of docs/retrieval.md. Packages for
# Python are installed into a folder of its own and stay there for the next time.
#
#   bench/neardup/run.sh PACKAGES OUT            PACKAGES holds what protocol.json says how to fetch
#   bench/neardup/run.sh PACKAGES OUT --background black
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
packages=${1:?name the folder with the packages, then one for the pictures}
out=${2:?name a folder for the pictures}
venv=${CATVAE_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/catvae/bench-neardup}
if ! cmp --silent "$folder/requirements.txt" "$venv/requirements.txt"; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$folder/requirements.txt"
	cp "$folder/requirements.txt" "$venv/requirements.txt"
fi
mkdir -p "$out"
for set in emoji clipart; do
	if [ ! -d "$out/$set" ]; then
		"$venv/bin/python" "$folder/make.py" "$packages" "$out" --set "$set" "${@:3}"
	fi
	for split in queries validation; do
		echo "$set, $split"
		"$venv/bin/python" "$folder/measure.py" "$out/$set" --split "$split"
	done
done

#!/usr/bin/env bash
# Builds this platform's wheel, installs it in an empty environment, and runs the tests of the Python and the TypeScript package with its programs.
#
#   check.sh [--short] PYTHON WORK_FOLDER
#
# --short leaves out scikit-learn's own checks, each of which trains several models.
set -euo pipefail
short=()
if [ "$1" = --short ]; then
	short=(-k 'not test_scikit_learn')
	shift
fi
python=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"

# The wheel, of what go build has built already.
"$python" -m venv "$work/build"
"$work/build/bin/pip" install --quiet --no-compile --disable-pip-version-check build==1.6.1 pyelftools==0.33 auditwheel==6.8.2
"$work/build/bin/python" "$here/python/wheel.py" --paths --out "$work/wheels"
wheel=$(ls "$work"/wheels/catvae-*.whl)
"$work/build/bin/auditwheel" show "$wheel" >"$work/auditwheel.txt"
tag=$(basename "$wheel" | sed 's/.*-none-//; s/\.whl$//')
if [ "$(uname)" = Linux ] && ! tr '\n' ' ' <"$work/auditwheel.txt" | grep -q "\"$tag\""; then
	echo "$wheel: auditwheel finds another platform than the wheel's name" >&2
	cat "$work/auditwheel.txt" >&2
	exit 1
fi

# An empty environment, which is not activated: the programs find the library that pip installed beside them.
"$python" -m venv "$work/empty"
"$work/empty/bin/pip" install --quiet --no-compile --disable-pip-version-check "$wheel[all]" pytest==9.2.0
export CATVAE_PROGRAMS=$work/empty/bin CATVAE_TEST_BUNDLES=$work/bundles
mkdir -p "$CATVAE_TEST_BUNDLES"
(cd "$work" && XDG_CACHE_HOME=$work/cache PATH=/usr/bin:/bin "$work/empty/bin/infer" --version | grep -q "$work/empty/") # not a library of this machine's
(cd "$here/python" && "$work/empty/bin/python" -m pytest -q -p no:cacheprovider "${short[@]}" tests)

# The README's lines, by the programs in the environment, as a new user would.
mkdir -p "$work/new"
cd "$work/new"
"$work/empty/bin/catvae" train --data glyphs --out run --steps 5 --samples 1 --set encoder.hidden=16 --set decoder.hidden=16 2>train.log
"$work/empty/bin/python" -c 'import numpy; numpy.save("rows.npy", numpy.random.default_rng(1).integers(0, 256, (20, 28, 28), numpy.uint8))'
lines() { # LANGUAGE README
	sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$2" | sed '/^```/d'
}
lines python "$here/python/README.md" >readme.py
"$work/empty/bin/python" readme.py
"$work/empty/bin/python" -m catvae inspect run/bundle >/dev/null

# The TypeScript package, where there is Node: its tests, and what npm packs of it in an empty folder.
if ! command -v npm >/dev/null; then
	echo "clients/js is not tried: there is no npm" >&2
	exit 0
fi
mkdir -p "$work/tree/clients" # a copy: the tree stays as it is
(cd "$here" && cp -r js "$work/tree/clients/js")
ln -s "$here/../picture" "$work/tree/picture"
cd "$work/tree/clients/js"
npm ci --ignore-scripts --no-audit --no-fund --silent
npm test --silent >"$work/npm.txt" 2>&1 || {
	cat "$work/npm.txt"
	exit 1
}
grep -E '^. (tests|pass|skipped)' "$work/npm.txt" | tr '\n' ' ' && echo "of clients/js"
npm pack --silent --pack-destination "$work/new" >/dev/null
cd "$work/new"
npm install --ignore-scripts --no-audit --no-fund --silent ./catvae-*.tgz onnxruntime-node@1.30.0
lines js "$here/js/README.md" >readme.mjs
node readme.mjs | tail -1

#!/usr/bin/env bash
# Wants the same parts from infer, from infer-beam on prism, and from infer-beam on Flink; and from a run that was killed.
#
#   check.sh INFER INFER_BEAM BUNDLE SRC WORK_FOLDER [FLINK_CACHE]
#
# Without FLINK_CACHE, a folder for the jars of Flink's job server, Flink is left out. See deploy/flink/flink.sh.
set -euo pipefail
infer=$1 beam=$2 bundle=$3 src=$4 work=$5 cache=${6:-}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$(dirname "$work")"
mkdir "$work" # a new one
args=(--model "$bundle" --in "$src" --part-rows "${PART_ROWS:-500}")

# run NAME COMMAND... does a command, keeps what it says, and tells how long it took.
run() {
	local name=$1 began=$EPOCHREALTIME
	shift
	"$@" >"$work/$name.out" 2>"$work/$name.log" || {
		echo "check.sh: $name: exit $?" >&2
		cat "$work/$name.log" >&2
		exit 1
	}
	if [ -s "$work/$name.out" ]; then
		echo "check.sh: $name writes to standard output" >&2
		exit 1
	fi
	awk -v name="$name" -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%-12s %5.1f s\n", name, b - a }'
}

# same NAME checks that a folder holds what infer's does, parts and records, and nothing hidden.
same() {
	diff -r "$work/infer" "$work/$1" || {
		echo "check.sh: $1 differs from infer" >&2
		exit 1
	}
}

run infer "$infer" "${args[@]}" --out "$work/infer/"
parts=$(find "$work/infer" -name 'part-*.npy' | wc -l)
if [ "$parts" -lt 4 ]; then
	echo "check.sh: $parts parts tell little: give more rows, or a smaller PART_ROWS" >&2
	exit 1
fi

run prism "$beam" "${args[@]}" --out "$work/prism/"
same prism
run again "$beam" "${args[@]}" --out "$work/prism/"
grep -q "$parts of $parts parts existed already" "$work/again.log"
same prism
run others "$beam" "${args[@]}" --out "$work/infer/" # parts that infer made are parts
grep -q "$parts of $parts parts existed already" "$work/others.log"

# A run that is killed once a part exists, and is started again.
"$beam" "${args[@]}" --batch 16 --out "$work/killed/" 2>/dev/null &
victim=$!
while kill -0 $victim 2>/dev/null && ! compgen -G "$work/killed/*.done" >/dev/null; do sleep 0.005; done
kill -KILL $victim 2>/dev/null || true
wait $victim 2>/dev/null || true
echo "killed with $(find "$work/killed" -name '*.done' | wc -l) of $parts parts"
run killed "$beam" "${args[@]}" --out "$work/killed/"
same killed

if [ -n "$cache" ]; then
	flink=("$here/../../deploy/flink/flink.sh" --cache "$cache" --)
	run flink "${flink[@]}" "$beam" "${args[@]}" --out "$work/flink/"
	same flink
	rm "$work"/flink/part-00000-*.done "$work"/flink/part-00002-*.npy
	run flink-again "${flink[@]}" "$beam" "${args[@]}" --out "$work/flink/"
	grep -q "$((parts - 2)) of $parts parts existed already" "$work/flink-again.log"
	same flink
fi
echo "$parts parts are the same, byte by byte"

#!/usr/bin/env bash
# Runs a command against a Flink of its own: Beam's job server with an embedded Flink, for as long as the command takes.
#
#   flink.sh [--cache DIR] [--parallelism N] [--open] -- COMMAND...
#   flink.sh [--cache DIR] --fetch
#
# COMMAND gets --runner=universal --endpoint=127.0.0.1:8099 --environment_type=LOOPBACK --parallelism=N behind its own
# arguments; it is an infer-beam, or another program of Beam's Go SDK. The exit status is the command's.
#
#   --cache DIR       where the jars are kept, and fetched to by Maven where they are not there (152 MB);
#                     ${XDG_CACHE_HOME:-~/.cache}/catvae/flink by default
#   --parallelism N   how many instances of a step Flink runs at once; 2 by default
#   --fetch           fetch the jars and stop
#   --open            run without a network of its own: see below
#
# The job server and Flink listen on some ten ports of every address of the machine, 8099 among them, and ask nobody who
# they are: whoever reaches them runs code as you. So both programs run in a network namespace that has a loopback device
# and nothing else (unshare --user --map-root-user --net). Where the system forbids that to users, as some containers and
# distributions do, run this as root, allow it (sysctl kernel.unprivileged_userns_clone=1, or
# kernel.apparmor_restrict_unprivileged_userns=0), or give --open on a machine whose firewall you trust.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/catvae/flink
parallelism=2 open=0 fetch=0

usage() {
	echo "flink.sh: $1: see the first lines of $here/flink.sh" >&2
	exit 64
}

while [ $# -gt 0 ]; do
	case $1 in
	--cache) cache=${2:?} && shift ;;
	--parallelism) parallelism=${2:?} && shift ;;
	--open) open=1 ;;
	--fetch) fetch=1 ;;
	--) shift && break ;;
	*) usage "$1 is no option" ;;
	esac
	shift
done
[ $fetch = 1 ] || [ $# -gt 0 ] || usage "no command"

# fetch_jars puts the jars of pom.xml into $jars. They appear all or not at all.
fetch_jars() {
	[ -d "$jars" ] && return
	command -v mvn >/dev/null || {
		echo "flink.sh: Maven is missing: install mvn, or copy the jars of a machine that has it to $jars" >&2
		exit 5
	}
	echo "flink.sh: fetching the job server's jars to $jars" >&2
	mkdir -p "$cache"
	local tmp
	tmp=$(mktemp -d "$cache/.fetch-XXXXXX")
	mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$tmp" -DincludeScope=runtime >&2 || {
		rm -rf "$tmp"
		exit 1
	}
	chmod 755 "$tmp"
	mv -T "$tmp" "$jars" 2>/dev/null || rm -rf "$tmp" # another run was faster
}

# serve_and_run runs inside the namespace: it starts the server, waits for it, runs the command, and takes the server away.
serve_and_run() {
	local work server command status=0
	work=$(mktemp -d)
	java -Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir="$work" -cp "$jars/*" org.apache.beam.runners.flink.FlinkJobServerDriver --flink-master='[local]' \
		--job-host=127.0.0.1 --job-port=8099 --artifact-port=0 --expansion-port=-1 --artifacts-dir="$work/staging" >"$work/server.log" 2>&1 &
	server=$!
	trap 'kill -KILL $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM
	for _ in $(seq 300); do
		kill -0 $server 2>/dev/null || break
		if (exec 3<>/dev/tcp/127.0.0.1/8099) 2>/dev/null; then break; fi
		sleep 0.2
	done
	if ! (exec 3<>/dev/tcp/127.0.0.1/8099) 2>/dev/null || ! kill -0 $server 2>/dev/null; then
		echo "flink.sh: the job server did not come up:" >&2
		tail -n 20 "$work/server.log" >&2
		exit 1
	fi
	"$@" --runner=universal --endpoint=127.0.0.1:8099 --environment_type=LOOPBACK --parallelism="$parallelism" &
	command=$!
	trap 'kill -TERM $command 2>/dev/null || true' TERM # passed on; Ctrl-C reaches the command anyway
	trap : INT
	while
		status=0
		wait $command || status=$?
		kill -0 $command 2>/dev/null
	do :; done
	if [ "${CATVAE_FLINK_RSS:-}" = 1 ]; then
		echo "flink.sh: the job server's peak: $(grep VmHWM /proc/$server/status)" >&2
	fi
	exit $status
}

jars=$cache/beam-2.62.0-flink-1.19
fetch_jars
[ $fetch = 1 ] && exit 0
command -v java >/dev/null || {
	echo "flink.sh: Java is missing: install a runtime of version 11 or 17" >&2
	exit 5
}
export jars parallelism
if [ $open = 1 ]; then
	serve_and_run "$@"
fi
if ! unshare --user --map-root-user --net true 2>/dev/null; then
	echo "flink.sh: a network namespace of its own is not permitted here: see the first lines of $here/flink.sh for what to do" >&2
	exit 5
fi
export -f serve_and_run
exec unshare --user --map-root-user --net bash -euo pipefail -c 'ip link set lo up && serve_and_run "$@"' flink.sh "$@"

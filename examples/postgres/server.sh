# Sourced by check.sh and pgvector.sh, which say work=FOLDER before: starts a PostgreSQL of its own, on a Unix socket in a folder
# that only its user may enter. It is stopped and deleted in any case. After it `sql` runs psql in it.
#
# PGBIN names the folder with initdb and postgres where it is not Debian's. Run as root, the server runs as PGRUNAS, by
# default postgres, since PostgreSQL refuses to run as root.
bin=${PGBIN:-/usr/lib/postgresql/15/bin}

for program in initdb pg_ctl postgres psql; do
	if [ ! -x "$bin/$program" ]; then
		echo "$bin/$program is missing: apt-get install postgresql, or set PGBIN to the folder with PostgreSQL 14 or later" >&2
		exit 1
	fi
done
as=()
if [ "$(id -u)" = 0 ]; then
	user=${PGRUNAS:-postgres}
	if ! id "$user" >/dev/null 2>&1; then
		echo "PostgreSQL does not run as root and there is no user $user: set PGRUNAS to an unprivileged one" >&2
		exit 1
	fi
	as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
fi

# The server gets a folder of its own: its user may not be allowed into WORK_FOLDER, and a socket's path ends at 107 bytes.
mkdir -p "$work"
server=$(mktemp -d "${TMPDIR:-/tmp}/catvae-pg.XXXXXX")
stop() {
	status=$?
	trap - EXIT
	if [ -f "$server/data/postmaster.pid" ]; then
		run "$bin/pg_ctl" stop -D "$server/data" -m immediate >/dev/null || status=1
	fi
	if [ "$status" != 0 ] && [ -f "$server/log" ]; then tail -n 20 "$server/log" >&2; fi
	rm -rf "$server"
	exit "$status"
}
run() { (cd "$server" && env -u PGDATA -u PGHOST -u PGPORT HOME="$server" LC_ALL=C "${as[@]}" "$@"); }
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ "${#as[@]}" != 0 ]; then chown "$user:" "$server"; fi

run "$bin/initdb" -D "$server/data" -U catvae --auth=trust --encoding=UTF8 --no-sync >"$work/initdb.log" 2>&1 || {
	cat "$work/initdb.log" >&2
	exit 1
}
run "$bin/pg_ctl" start -w -D "$server/data" -l "$server/log" \
	-o "-c listen_addresses='' -c unix_socket_directories='$server' -c fsync=off" >/dev/null

sql() { env -u PGOPTIONS -u PGSERVICE "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$server" -p 5432 -U catvae -d postgres "$@"; }

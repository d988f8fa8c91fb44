#!/usr/bin/env bash
# Wants the same rows and distances from PostgreSQL and from catvae search, for 20 queries, ties included. The server is a
# throwaway one, on a Unix socket in a folder that only its user may enter; it is stopped and deleted in any case.
#
#   check.sh CATVAE CODES.npy CODES.csv WORK_FOLDER
#
# PGBIN names the folder with initdb and postgres where it is not Debian's. Run as root, the server runs as PGRUNAS, by
# default postgres, since PostgreSQL refuses to run as root.
set -euo pipefail
catvae=$1 npy=$2 csv=$3 work=$4
bin=${PGBIN:-/usr/lib/postgresql/15/bin}
k=10

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

read -r rows bits < <(awk -F, 'NR > 1 { rows++; bits = length($2) } END { print rows + 0, bits + 0 }' "$csv")
if [ "$rows" -lt 20 ]; then
	echo "$csv has $rows codes: 20 are searched for" >&2
	exit 1
fi
flags=() ids=
for i in $(seq 0 19); do
	row=$((i * (rows - 1) / 19))
	flags+=(--row "$row") ids=$ids${ids:+,}$row
done

env -u PGOPTIONS -u PGSERVICE "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$server" -p 5432 -U catvae -d postgres >"$work/postgres.csv" <<SQL
CREATE TABLE codes (id bigint PRIMARY KEY, code bit($bits) NOT NULL);
\\copy codes FROM '$csv' WITH (FORMAT csv, HEADER)
COPY (
  SELECT q.id AS query, row_number() OVER (PARTITION BY q.id ORDER BY n.distance, n.id) AS rank, n.id AS row, n.distance
  FROM codes AS q CROSS JOIN LATERAL (
    SELECT id, bit_count(code # q.code) AS distance FROM codes ORDER BY distance, id LIMIT $k
  ) AS n
  WHERE q.id IN ($ids)
  ORDER BY query, rank
) TO STDOUT WITH (FORMAT csv, HEADER);
SQL
"$catvae" search --codes "$npy" "${flags[@]}" -k "$k" >"$work/catvae.csv"
cmp "$work/catvae.csv" "$work/postgres.csv"
echo "catvae search and PostgreSQL: $(($(wc -l <"$work/catvae.csv") - 1)) rows and distances, all equal ($(basename "$csv"), $rows codes of $bits bits)"

#!/usr/bin/env bash
# Wants the same rows and distances from PostgreSQL and from catvae search, for 20 queries, ties included. The server is a
# throwaway one: server.sh says how it is found, and as whom it runs.
#
#   check.sh CATVAE CODES.npy CODES.csv WORK_FOLDER
set -euo pipefail
catvae=$1 npy=$2 csv=$3 work=$4
k=10
. "$(dirname "$0")/server.sh"

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

sql >"$work/postgres.csv" <<SQL
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

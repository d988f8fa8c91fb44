#!/usr/bin/env bash
# Wants what catvae search found, from pgvector: the nearest codes by an HNSW index, and the vectors that are nearest among the
# first 100 of them. The index is approximate, and vectors are kept as halfvec: server.sh says how the server is found.
#
#   pgvector.sh PYTHON FOLDER_THAT_EXAMPLES_VECTORS_MADE WORK_FOLDER
set -euo pipefail
python=$1 made=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"

if [ -z "$(sql -At -c "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")" ]; then
	echo "the PostgreSQL in $bin has no pgvector: set PGBIN to one that has" >&2
	exit 1
fi
bits=$(sed -n 2p "$made/codes.csv" | cut -d, -f2 | tr -d '\r\n' | wc -c)
size=$(sed -n 2p "$made/vectors.csv" | tr -cd , | wc -c) # numbers of a vector: one comma less, and the id's
sql <<SQL
CREATE EXTENSION vector;
CREATE TABLE codes (id bigint PRIMARY KEY, code bit($bits) NOT NULL);
CREATE TABLE vectors (id bigint PRIMARY KEY, vector halfvec($size) NOT NULL);
CREATE TABLE queries (LIKE codes);
CREATE TABLE new (LIKE vectors);
\\copy codes FROM '$made/codes.csv' WITH (FORMAT csv, HEADER)
\\copy vectors FROM '$made/vectors.csv' WITH (FORMAT csv, HEADER)
\\copy queries FROM '$made/queries.csv' WITH (FORMAT csv, HEADER)
\\copy new FROM '$made/new.csv' WITH (FORMAT csv, HEADER)
CREATE INDEX ON codes USING hnsw (code bit_hamming_ops);
ANALYZE;
SQL

search() { # WHAT.csv QUERY: n and the wanted columns of what a query q with the vector w finds
	sql >"$work/pgvector-plan" -c "SET hnsw.ef_search = 100" -c "SET enable_seqscan = off" -c "EXPLAIN $2"
	if ! grep -q 'Index Scan using codes_code_idx' "$work/pgvector-plan"; then
		cat "$work/pgvector-plan" >&2
		echo "the HNSW index is not used" >&2
		exit 1
	fi
	sql >"$work/$1" -c "SET hnsw.ef_search = 100" -c "SET enable_seqscan = off" -c "COPY ($2) TO STDOUT WITH (FORMAT csv, HEADER)"
}
search pgvector.csv "
SELECT q.id AS query, row_number() OVER (PARTITION BY q.id ORDER BY n.distance) AS rank, n.id AS row, n.distance
FROM queries AS q CROSS JOIN LATERAL (
  SELECT id, code <~> q.code AS distance FROM codes ORDER BY code <~> q.code LIMIT 10
) AS n"
"$python" "$here/../vectors/compare.py" "$made/by-code.csv" "$work/pgvector.csv" --share 0.95
search pgvector-rescored.csv "
SELECT q.id AS query, row_number() OVER (PARTITION BY q.id ORDER BY n.score DESC) AS rank, n.id AS row, n.score
FROM queries AS q JOIN new AS w USING (id) CROSS JOIN LATERAL (
  SELECT id, 1 - (vector <=> w.vector) AS score
  FROM (SELECT id FROM codes ORDER BY code <~> q.code LIMIT 100) AS first JOIN vectors USING (id)
  ORDER BY vector <=> w.vector LIMIT 10
) AS n"
"$python" "$here/../vectors/compare.py" "$made/rescored.csv" "$work/pgvector-rescored.csv" --share 0.95 --tolerance 0.002

"""Codes in DuckDB: the Parquet files that infer writes are tables as they are.

    python search.py codes.parquet queries.parquet 10
    python search.py codes.parquet queries.parquet 10 100 vectors.csv new.csv 48

Prints query, rank, row and distance of the 10 nearest codes; or, of the 100 nearest codes, the 10 whose vectors of 48 numbers are
nearest, with their cosines.
"""

import sys

import duckdb

# The nearest codes of each query, the lower id first where they are equally near.
NEAREST = """
SELECT q.id AS query, n.rank, n.id, n.distance FROM '{queries}' AS q, LATERAL (
  SELECT c.id, bit_count(xor(c.code::BIT, q.code::BIT)) AS distance, row_number() OVER (ORDER BY distance, c.id) AS rank
  FROM '{codes}' AS c
) AS n
WHERE n.rank <= {first}
"""
RESCORED = """
WITH first AS ({nearest}),
  vectors AS (SELECT id, vector::FLOAT[{size}] AS vector FROM '{vectors}'),
  new AS (SELECT id, vector::FLOAT[{size}] AS vector FROM '{new}'),
  scored AS (
    SELECT query, v.id, array_cosine_similarity(v.vector, n.vector) AS score
    FROM first JOIN vectors AS v ON v.id = first.id JOIN new AS n ON n.id = query
  )
SELECT query, row_number() OVER (PARTITION BY query ORDER BY score DESC, id) AS rank, id, score FROM scored
QUALIFY rank <= {k}
"""


def main():
    codes, queries, k = sys.argv[1:4]
    query = NEAREST.format(codes=codes, queries=queries, first=k)
    if len(sys.argv) > 4:
        first, vectors, new, size = sys.argv[4:]
        query = RESCORED.format(
            nearest=NEAREST.format(codes=codes, queries=queries, first=first), vectors=vectors, new=new, size=size, k=k
        )
    print("query,rank,row," + ("score" if len(sys.argv) > 4 else "distance"))
    for row in duckdb.sql(query + "ORDER BY query, rank").fetchall():
        print(",".join(map(str, row)))


main()

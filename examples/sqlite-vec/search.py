"""Codes and vectors in SQLite, with sqlite-vec.

    python search.py codes.db codes.npy vectors.npy queries.npy new.npy 10 [100]

Fills codes.db where it does not exist. Prints query, rank, row and distance of the 10 nearest codes; with a last number, of as many
nearest codes the 10 whose vectors are nearest, with their cosines.
"""

import os
import sys

import apsw
import numpy
import sqlite_vec

NEAREST = "SELECT rowid, distance FROM codes WHERE code MATCH vec_bit(:code) AND k = :k ORDER BY distance"
RESCORED = """
WITH first AS (SELECT rowid FROM codes WHERE code MATCH vec_bit(:code) AND k = :first)
SELECT id, 1 - vec_distance_cosine(vector, :vector) AS score
FROM first JOIN vectors ON vectors.id = first.rowid
ORDER BY score DESC, id LIMIT :k
"""


def main():
    file, codes, vectors, queries, new = sys.argv[1], *map(numpy.load, sys.argv[2:6])
    k, first = int(sys.argv[6]), int(sys.argv[7]) if len(sys.argv) > 7 else 0
    fresh = not os.path.exists(file)
    db = apsw.Connection(file)
    db.enable_load_extension(True)
    sqlite_vec.load(db)
    db.enable_load_extension(False)
    if fresh:
        with db:
            db.execute(f"CREATE VIRTUAL TABLE codes USING vec0(code bit[{8 * codes.shape[1]}])")
            db.executemany("INSERT INTO codes (rowid, code) VALUES (?, vec_bit(?))", ((i, row.tobytes()) for i, row in enumerate(codes)))
            db.execute("CREATE TABLE vectors (id INTEGER PRIMARY KEY, vector BLOB NOT NULL)")  # float32, the low byte first
            db.executemany("INSERT INTO vectors VALUES (?, ?)", ((i, row.astype("<f4").tobytes()) for i, row in enumerate(vectors)))
    print("query,rank,row," + ("score" if first else "distance"))
    for query, code in enumerate(queries):
        given = {"code": code.tobytes(), "k": k}
        if first:
            given |= {"first": first, "vector": new[query].astype("<f4").tobytes()}
        for rank, (row, value) in enumerate(db.execute(RESCORED if first else NEAREST, given)):
            print(f"{query},{rank + 1},{row},{value}")


main()

"""Float queries against bits, and vectors that put the nearest codes in order: FAISS finds the first, numpy orders them.

    python rerank.py codes.npy queries.npy 10 100 --floats floats.npy
    python rerank.py codes.npy queries.npy 10 100 --vectors vectors.npy --query-vectors new.npy

Of the 100 nearest codes it prints the 10 with the largest scores: query, rank, row and score, as `catvae search` does. A score is the
sum of a float query's numbers, each with a code's bit as its sign; or the cosine of two vectors. With as many first ones as there are
codes, what is printed is exact.
"""

import argparse

import faiss
import numpy


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("codes")
    flags.add_argument("queries")
    flags.add_argument("k", type=int)
    flags.add_argument("first", type=int)
    flags.add_argument("--floats", help="what infer --codes query wrote")
    flags.add_argument("--vectors", help="of the codes")
    flags.add_argument("--query-vectors")
    a = flags.parse_args()
    codes, queries = numpy.load(a.codes, mmap_mode="r"), numpy.load(a.queries)
    index = faiss.IndexBinaryFlat(8 * codes.shape[1])
    index.add(codes)
    _, first = index.search(queries, a.first)

    if a.floats:
        given = numpy.load(a.floats)
        bits = given.shape[1]  # a code's last byte is filled up with zeros

        def compared(rows):
            return 2.0 * numpy.unpackbits(codes[rows], axis=1, count=bits) - 1

    else:
        vectors, given = numpy.load(a.vectors, mmap_mode="r"), unit(numpy.load(a.query_vectors))

        def compared(rows):
            return unit(vectors[rows])

    print("query,rank,row,score")
    for query, rows in enumerate(first):
        scores = compared(rows) @ given[query]
        for rank, best in enumerate(numpy.argsort(-scores, kind="stable")[: a.k]):
            print(f"{query},{rank + 1},{rows[best]},{scores[best]}")


def unit(rows):
    rows = rows.astype(numpy.float32)
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


main()

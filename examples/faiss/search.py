"""Nearest codes with FAISS: the packed codes that infer writes go in as they are.

    python search.py codes.npy queries.npy 10

Prints query, rank, row and distance, as `catvae search` does. Of equally near codes FAISS may choose others.
"""

import sys

import faiss
import numpy


def main():
    codes, queries, k = numpy.load(sys.argv[1]), numpy.load(sys.argv[2]), int(sys.argv[3])
    index = faiss.IndexBinaryFlat(8 * codes.shape[1])  # exact; IndexBinaryHNSW and IndexBinaryIVF are approximate
    index.add(codes)
    distances, rows = index.search(queries, k)
    print("query,rank,row,distance")
    for query in range(len(queries)):
        for rank in range(k):
            print(f"{query},{rank + 1},{rows[query, rank]},{distances[query, rank]}")


main()

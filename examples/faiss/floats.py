"""Float queries against every code, exactly, by FAISS's inner products with +1 and -1.

    python floats.py codes.npy floats.npy 10

Prints query, rank, row and score, as `catvae search` does. The index holds a float32 for each bit.
"""

import sys

import faiss
import numpy


def main():
    codes, floats, k = numpy.load(sys.argv[1]), numpy.load(sys.argv[2]), int(sys.argv[3])
    bits = floats.shape[1]  # a code's last byte is filled up with zeros
    index = faiss.IndexFlatIP(bits)
    for first in range(0, len(codes), 10_000):
        index.add(2 * numpy.unpackbits(codes[first : first + 10_000], axis=1, count=bits).astype(numpy.float32) - 1)
    scores, rows = index.search(floats, k)
    print("query,rank,row,score")
    for query in range(len(floats)):
        for rank in range(k):
            print(f"{query},{rank + 1},{rows[query, rank]},{scores[query, rank]}")


main()

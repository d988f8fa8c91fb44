"""Float queries against every code, by FAISS's IndexRaBitQ.

    python floats.py codes.npy floats.npy 10

Prints query, rank, row and score, as `catvae search` does. RaBitQ keeps the signs of what vectors differ from their centre in, and two
factors a vector with which it estimates products. Of vectors of +1 and -1 around 0 the signs are the code, and the estimate is exact.
"""

import sys

import faiss
import numpy


def main():
    codes, floats, k = numpy.load(sys.argv[1]), numpy.load(sys.argv[2]), int(sys.argv[3])
    bits = floats.shape[1]  # a code's last byte is filled up with zeros
    index = faiss.IndexRaBitQ(bits, faiss.METRIC_INNER_PRODUCT)
    index.train(numpy.ones((2, bits), numpy.float32) * [[1], [-1]])  # their centre is 0
    index.qb = 0  # queries stay floats; 1 to 8: they are rounded to as many bits, which is faster
    for first in range(0, len(codes), 10_000):
        index.add(2 * numpy.unpackbits(codes[first : first + 10_000], axis=1, count=bits).astype(numpy.float32) - 1)
    scores, rows = index.search(floats, k)
    print("query,rank,row,score")
    for query in range(len(floats)):
        for rank in range(k):
            print(f"{query},{rank + 1},{rows[query, rank]},{scores[query, rank]}")


main()

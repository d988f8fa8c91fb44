"""Index codes by look-up tables, with numpy.

    python tables.py index.npy tables.npy 10

index.npy is what `infer --codes index` wrote, uint8 [rows, variables]; tables.npy what `infer --codes query` wrote, float32 [queries,
variables, categories]. A code's score is the sum of the numbers at its categories. Prints query, rank, row and score.
"""

import sys

import numpy


def main():
    codes, tables, k = numpy.load(sys.argv[1]), numpy.load(sys.argv[2]), int(sys.argv[3])
    columns = numpy.ascontiguousarray(codes.T)  # a variable's categories are read one after the other
    print("query,rank,row,score")
    for query, table in enumerate(tables):
        scores = numpy.zeros(len(codes), numpy.float32)
        for numbers, categories in zip(table, columns):
            scores += numbers[categories]
        best = numpy.argpartition(-scores, k - 1)[:k]
        for rank, row in enumerate(best[numpy.argsort(-scores[best])]):
            print(f"{query},{rank + 1},{row},{scores[row]}")


main()

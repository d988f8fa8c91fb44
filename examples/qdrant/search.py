"""Codes in Qdrant, as vectors of +1 and -1.

    python search.py :memory: codes.npy vectors.npy queries.npy new.npy floats.npy FOLDER

The first argument is a server's address (http://localhost:6333), or :memory: for the client's own search, which is exact. Writes what
`catvae search` prints to FOLDER: by-code.csv, by-float.csv and rescored.csv.
"""

import pathlib
import sys

import numpy
from qdrant_client import QdrantClient, models

K, FIRST = 10, 100
# Of a server: it takes scores from the signs, of twice as many rows as are wanted.
RESCORE = models.SearchParams(quantization=models.QuantizationSearchParams(rescore=True, oversampling=2))


def main():
    place, folder = sys.argv[1], pathlib.Path(sys.argv[7])
    codes, vectors, queries, new, floats = map(numpy.load, sys.argv[2:7])
    bits = floats.shape[1]  # a code's last byte is filled up with zeros

    def signs(packed):
        return 2 * numpy.unpackbits(packed, axis=1, count=bits).astype(numpy.float32) - 1

    client = QdrantClient(place)
    client.create_collection(
        "rows",
        vectors_config={
            "code": models.VectorParams(
                size=bits,
                distance=models.Distance.DOT,
                on_disk=True,
                datatype=models.Datatype.FLOAT16,
                # A server keeps the signs as bits in memory: they are the code again.
                quantization_config=models.BinaryQuantization(
                    binary=models.BinaryQuantizationConfig(
                        always_ram=True, query_encoding=models.BinaryQuantizationQueryEncoding.SCALAR8BITS
                    )
                ),
            ),
            "vector": models.VectorParams(size=vectors.shape[1], distance=models.Distance.COSINE, on_disk=True),
        },
    )
    client.upload_collection("rows", vectors={"code": signs(codes), "vector": vectors}, ids=range(len(codes)))

    def write(name, value, search):
        with open(folder / name, "w") as file:
            print(f"query,rank,row,{value}", file=file)
            for query in range(len(queries)):
                for rank, point in enumerate(search(query).points):
                    # The product of two codes' signs is the bits that are equal less those that differ.
                    number = round((bits - point.score) / 2) if value == "distance" else point.score
                    print(f"{query},{rank + 1},{point.id},{number}", file=file)

    def by_code(query):
        return client.query_points("rows", query=code[query], using="code", limit=K, search_params=RESCORE)

    def by_float(query):
        return client.query_points("rows", query=floats[query], using="code", limit=K, search_params=RESCORE)

    def rescored(query):
        nearest = models.Prefetch(query=code[query].tolist(), using="code", limit=FIRST, params=RESCORE)
        return client.query_points("rows", prefetch=nearest, query=new[query], using="vector", limit=K)

    code = signs(queries)
    write("by-code.csv", "distance", by_code)
    write("by-float.csv", "score", by_float)
    write("rescored.csv", "score", rescored)


main()

"""Codes and vectors in Milvus.

    python search.py http://localhost:19530 codes.npy vectors.npy queries.npy new.npy FOLDER

The first argument may also be a file that ends in .db: Milvus Lite makes it. Writes what `catvae search` prints to FOLDER: by-code.csv,
and rescored.csv, the nearest vectors of the 100 nearest codes.
"""

import pathlib
import sys

import numpy
from pymilvus import DataType, MilvusClient

K, FIRST = 10, 100


def main():
    client, folder = MilvusClient(uri=sys.argv[1]), pathlib.Path(sys.argv[6])
    codes, vectors, queries, new = map(numpy.load, sys.argv[2:6])

    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("code", DataType.BINARY_VECTOR, dim=8 * codes.shape[1])
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
    index = client.prepare_index_params()
    index.add_index("code", index_type="BIN_FLAT", metric_type="HAMMING")
    index.add_index("vector", index_type="FLAT", metric_type="COSINE")
    client.create_collection("rows", schema=schema, index_params=index)
    for first in range(0, len(codes), 10_000):
        rows = range(first, min(first + 10_000, len(codes)))
        client.insert("rows", [{"id": i, "code": codes[i].tobytes(), "vector": vectors[i]} for i in rows])

    def by_code(query, limit):
        return client.search("rows", data=[queries[query].tobytes()], anns_field="code", limit=limit,
                             search_params={"metric_type": "HAMMING"}, consistency_level="Strong")[0]

    def rescored(query):
        nearest = [hit["id"] for hit in by_code(query, FIRST)]
        return client.search("rows", data=[new[query]], anns_field="vector", limit=K, filter=f"id in {nearest}",
                             search_params={"metric_type": "COSINE"}, consistency_level="Strong")[0]

    def write(name, value, search):
        with open(folder / name, "w") as file:
            print(f"query,rank,row,{value}", file=file)
            for query in range(len(queries)):
                for rank, hit in enumerate(search(query)):
                    print(f"{query},{rank + 1},{hit['id']},{hit['distance']}", file=file)

    write("by-code.csv", "distance", lambda query: by_code(query, K))
    write("rescored.csv", "score", rescored)


main()

"""The FAISS side of bench/search: holds the same codes and answers searches, timed here, one JSON line each.

    python search.py KIND CODES QUERIES BYTES LINKS CONSTRUCTION THREADS

CODES are codes of so many bytes with nothing around them; QUERIES are codes, or float32. KIND says what is compared:

    hamming  IndexBinaryFlat
    query    IndexRaBitQFastScan and IndexRaBitQ: floats against bits; vectors are the codes' bits as -1 and 1
    lookup   IndexPQ of 8 bits: sums of table entries; QUERIES are the queries, then the centroids
    graph    IndexBinaryHNSW
"""

import json
import sys
import time

import faiss
import numpy


def resident():
    """Resident memory in MB; 0 where /proc is not."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
    except OSError:
        return 0


def say(**answer):
    print(json.dumps(answer), flush=True)


def signs(codes):
    return numpy.unpackbits(codes, axis=1).astype(numpy.float32) * 2 - 1


def rabitq(make, codes):
    index = make(8 * codes.shape[1], faiss.METRIC_INNER_PRODUCT)
    index.train(numpy.concatenate([signs(codes[:1000]), -signs(codes[:1000])]))  # whose centre is 0
    for piece in numpy.array_split(codes, max(1, len(codes) // 200_000)):
        index.add(signs(piece))
    return index


def pq(codes, centroids):
    size = codes.shape[1]
    index = faiss.IndexPQ(centroids.size // 256, size, 8, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(centroids.ravel(), index.pq.centroids)
    index.is_trained = True
    index.add_sa_codes(codes)
    return index


def hnsw(codes, links, construction):
    index = faiss.IndexBinaryHNSW(8 * codes.shape[1], links)
    index.hnsw.efConstruction = construction
    index.add(codes)
    return index


def main():
    kind, codes_file, queries_file = sys.argv[1:4]
    size, links, construction, threads = map(int, sys.argv[4:])
    codes = numpy.fromfile(codes_file, dtype=numpy.uint8).reshape(-1, size)
    queries = numpy.fromfile(queries_file, dtype=numpy.uint8 if kind in ("hamming", "graph") else numpy.float32)
    faiss.omp_set_num_threads(threads)
    before, start = resident(), time.perf_counter()
    if kind == "query":
        indexes = {"IndexRaBitQFastScan": rabitq(faiss.IndexRaBitQFastScan, codes), "IndexRaBitQ": rabitq(faiss.IndexRaBitQ, codes)}
        width = 8 * size
    elif kind == "lookup":
        dimensions = 8 * size
        queries, centroids = queries[: -256 * dimensions], queries[-256 * dimensions :]
        indexes = {"IndexPQ": pq(codes, centroids)}
        width = dimensions
    elif kind == "graph":
        indexes = {"IndexBinaryHNSW": hnsw(codes, links, construction)}
        width = size
    else:
        indexes = {"IndexBinaryFlat": faiss.IndexBinaryFlat(8 * size)}
        indexes["IndexBinaryFlat"].add(codes)
        width = size
    ms = 1e3 * (time.perf_counter() - start)
    say(name=f"FAISS {faiss.__version__}", indexes=list(indexes), ms=ms, mb=resident() - before)
    del codes
    queries = queries.reshape(-1, width)
    indexes = list(indexes.values())
    for line in sys.stdin:
        job = json.loads(line)
        index = indexes[job["index"]]
        faiss.omp_set_num_threads(job["threads"])
        if job["breadth"]:
            index.hnsw.efSearch = job["breadth"]
        wanted = queries[job["first"] : job["first"] + job["queries"]]
        start = time.perf_counter()
        distances, _ = index.search(wanted, job["k"])
        ms = 1e3 * (time.perf_counter() - start)
        say(ms=ms, distances=distances.tolist())


main()

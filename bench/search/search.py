"""The FAISS side of bench/search: holds the same codes and answers searches, timed here, one JSON line each.

    python search.py CODES QUERIES BYTES

CODES and QUERIES are packed codes of so many bytes with nothing around them.
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


def main():
    size = int(sys.argv[3])
    codes, queries = (numpy.fromfile(path, dtype=numpy.uint8).reshape(-1, size) for path in sys.argv[1:3])
    before, start = resident(), time.perf_counter()
    index = faiss.IndexBinaryFlat(8 * size)
    index.add(codes)
    say(name=f"FAISS {faiss.__version__}", ms=1e3 * (time.perf_counter() - start), mb=resident() - before)
    del codes
    for line in sys.stdin:
        job = json.loads(line)
        faiss.omp_set_num_threads(job["threads"])
        wanted = queries[job["first"] : job["first"] + job["queries"]]
        start = time.perf_counter()
        distances, _ = index.search(wanted, job["k"])
        ms = 1e3 * (time.perf_counter() - start)
        say(ms=ms, distances=distances.tolist())


main()

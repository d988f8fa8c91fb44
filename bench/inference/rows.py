"""What the contenders in Python share: rows from an IDX file, packed codes, and a last line that says how long it took."""

import json
import sys
import time

import numpy as np

HEADER = 16  # magic number and three sizes: rows, height, width


class Rows:
    """An IDX file of bytes, read batch by batch into one buffer."""

    def __init__(self, path, most):
        self.file = open(path, "rb", buffering=0)
        magic, rows, height, width = np.frombuffer(self.file.read(HEADER), dtype=">u4").tolist()
        if magic != 0x803:
            sys.exit(f"{path}: not an IDX file of bytes in three dimensions")
        self.rows, self.size = min(rows, most), height * width

    def batches(self, batch):
        """Yields the first row's number and the rows, valid until the next ones; the last batch may be short."""
        buffer = np.empty((batch, self.size), dtype=np.uint8)
        self.file.seek(HEADER)
        for first in range(0, self.rows, batch):
            rows = buffer[: min(batch, self.rows - first)]
            left = memoryview(rows).cast("B")
            while left:
                n = self.file.readinto(left)
                if not n:
                    sys.exit("the rows end early")
                left = left[n:]
            yield first, rows


def pack(bits):
    """Packs rows of bits into bytes, the first bit highest."""
    n, width = bits.shape
    if width % 8:
        return np.packbits(bits, axis=1)
    return np.packbits(bits.reshape(-1)).reshape(n, width // 8)  # one long row takes a sixth of the time of many short ones


def fastest(settings, row_size, contender, turns=3, seconds=0.4):
    """Says which setting encodes most rows per second in its best of several turns, and how many: what else the machine
    does only slows. contender(setting) returns encode, as timed takes it."""
    rates = [0.0] * len(settings)
    contenders = [contender(s) for s in settings]
    for _ in range(turns):
        for i, (setting, encode) in enumerate(zip(settings, contenders, strict=True)):
            data = np.random.default_rng(0).integers(0, 256, (setting["batch"], row_size), dtype=np.uint8)
            encode(data)
            start, count = time.perf_counter(), 0
            while (elapsed := time.perf_counter() - start) < seconds:
                encode(data)
                count += len(data)
            rates[i] = max(rates[i], count / elapsed)
    best = int(np.argmax(rates))
    say(setting=settings[best], rate=rates[best])


def timed(rows, batch, encode, width, out):
    """Reads, encodes and writes all rows, and says how long that took. encode(rows) returns packed codes of width bytes."""
    encode(np.zeros((batch, rows.size), dtype=np.uint8))  # what the first batch sets up is counted as start-up
    start = time.perf_counter()
    codes = np.empty((rows.rows, width), dtype=np.uint8)
    for first, batch_rows in rows.batches(batch):
        codes[first : first + len(batch_rows)] = encode(batch_rows)
    np.save(out, codes)
    say(seconds=time.perf_counter() - start)


def say(**values):
    print(json.dumps(values), flush=True)

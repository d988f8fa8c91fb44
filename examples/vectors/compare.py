"""Whether a program found what catvae search found: the same rows with the same distances or scores.

    python compare.py WANTED.csv FOUND.csv [--share 1] [--tolerance 0.0001]

Both have the columns query, rank, row, and distance or score. A row that is as near as the last one of its query may be
another. Of the others a share must be found: 1 where a search is exact. A row that both found has the same value in both.
"""

import argparse
import csv
import sys


def read(name):
    with open(name, newline="") as file:
        lines = csv.reader(file)
        value = next(lines)[-1]
        queries = {}
        for query, _, row, number in lines:
            queries.setdefault(query, {})[row] = float(number)
    return queries, -1 if value == "distance" else 1


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("wanted")
    flags.add_argument("found")
    flags.add_argument("--share", type=float, default=1)
    flags.add_argument("--tolerance", type=float, default=1e-4, help="of a value, times its size where that is above 1")
    a = flags.parse_args()
    (wanted, sign), (found, _) = read(a.wanted), read(a.found)

    def close(x, y):
        return abs(x - y) <= a.tolerance * max(1, abs(x))

    total = missing = 0
    for query, rows in wanted.items():
        others = found.get(query, {})
        last = sign * min(sign * v for v in rows.values())
        for row, value in rows.items():
            if row in others and not close(value, others[row]):
                sys.exit(f"{a.found}: query {query}, row {row}: {others[row]}, not {value}")
        sure = {row for row, value in rows.items() if not close(value, last)}
        total += len(rows)
        # A row that is not wanted and nearer than the last wanted one stands where a wanted one should.
        strangers = sum(sign * v > sign * last and not close(v, last) for row, v in others.items() if row not in rows)
        missing += max(len(sure - others.keys()), len(rows) - len(others), strangers)
    if missing > (1 - a.share) * total:
        sys.exit(f"{a.found}: {missing} of {total} rows are not those that catvae search finds")
    print(f"catvae search and {a.found}: {total} rows, " + (f"{missing} others" if missing else "all equal"))


main()

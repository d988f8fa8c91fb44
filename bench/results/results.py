#!/usr/bin/env python3
"""Trains and measures rows of docs/results.md by the command line, and writes what came out into its table. See run.sh."""
import argparse
import json
import math
import os
import re
import shlex
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = os.path.join(HERE, "rows.json")
LOG = os.path.join(HERE, "figures.json")
PAGE = os.path.join(HERE, "../../docs/results.md")


def at(value, path):
    """Returns the value at a path of names and dots; of a list, the object that has the name."""
    for key in path.split("."):
        value = next(v for v in value if v.get("name") == key) if isinstance(value, list) else value[key]
    return value


def logged():
    """Returns the figures so far, by row and seed."""
    if not os.path.exists(LOG):
        return {}
    with open(LOG) as f:
        return json.load(f)


def commands(row, a, seed, out):
    """Returns the command that trains, and those that measure, each with the figures that its JSON has."""
    fill = {"data": a.data, "config": HERE, "out": out}
    train = [a.catvae, "train", *(arg.format(**fill) for arg in shlex.split(row["train"])), "--out", out, "--samples", "1", "--seed", str(seed)]
    evals = [([a.catvae, "eval", "--model", out, *(arg.format(**fill) for arg in shlex.split(e["eval"])), "--json"], e["figures"]) for e in row["measure"]]
    return train, evals


def take(row, a, seed):
    """Trains and measures a row by one seed. Returns its figures, and the seconds that training took."""
    out = os.path.join(a.out, f"{row['name']}-{seed}")
    train, evals = commands(row, a, seed, out)
    print(shlex.join(train), flush=True)
    began = time.monotonic()
    status = subprocess.run(train, stdout=subprocess.DEVNULL).returncode
    if status not in (0, 3):  # 3: broken pictures were passed over
        sys.exit(f"{row['name']}: catvae train ended with status {status}")
    got = {"seconds": round(time.monotonic() - began)}
    for command, figures in evals:
        print(shlex.join(command), flush=True)
        text = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        for label, path in figures.items():
            got[label] = round(abs(at(json.loads(text), path)), 4)
    print(row["name"], seed, got, flush=True)
    return got


def mean(values):
    """Returns the mean in words, with its standard error where there are several."""
    m = sum(values) / len(values)
    digits = 2 if m > 1.5 else 3
    text = f"{m:.{digits}f}"
    if len(values) > 1:
        error = math.sqrt(sum((v - m) ** 2 for v in values) / (len(values) - 1) / len(values))
        text += f" ± {error:.{digits}f}"
    return text


def table(rows, log):
    """Returns the table of docs/results.md."""
    lines = ["| row | published or measured | to reach | reached | seeds | time |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        runs = list(log.get(row["name"], {}).values())
        reached, seconds = "", ""
        if runs:
            reached = "; ".join(f"{label} {mean([r[label] for r in runs])}" for label in runs[0] if label != "seconds")
            seconds = f"{sum(r['seconds'] for r in runs) / len(runs):.0f} s"
        lines.append(f"| `{row['name']}`: {row['what']} | {row['published']} | {row['goal']} | {reached} | {len(runs)} | {seconds} |")
    return "\n".join(lines)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", help="folder that bench/catalogue/rows.py has filled, and bench/neardup/make.py")
    p.add_argument("--catvae", default="catvae", help="the command, built")
    p.add_argument("--out", help="folder for runs")
    p.add_argument("--seeds", default="1", help="seeds with commas between")
    p.add_argument("--show", action="store_true", help="print the commands and run nothing")
    p.add_argument("--write", action="store_true", help="write the figures into the log and the page")
    p.add_argument("names", nargs="*", help="rows; all where none is given")
    a = p.parse_args()
    with open(ROWS) as f:
        rows = json.load(f)
    unknown = set(a.names) - {r["name"] for r in rows}
    if unknown:
        p.error(f"no row {', '.join(sorted(unknown))}: use {', '.join(r['name'] for r in rows)}")
    for row in rows if a.names or a.data or a.show else []:
        if a.names and row["name"] not in a.names:
            continue
        for seed in a.seeds.split(","):
            if a.show:
                a.data, a.out = a.data or "DATA", a.out or "RUNS"
                train, evals = commands(row, a, seed, os.path.join(a.out, f"{row['name']}-{seed}"))
                print("\n".join(shlex.join(c) for c in [train, *(e for e, _ in evals)]))
                continue
            got = take(row, a, seed)
            if a.write:
                log = logged()
                log.setdefault(row["name"], {})[seed] = got
                with open(LOG, "w") as f:
                    json.dump(log, f, indent=1)
                    f.write("\n")
    if a.write:
        with open(PAGE) as f:
            page = f.read()
        begin, end = "<!-- figures -->\n", "<!-- end of figures -->"
        page = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + "\n" + table(rows, logged()) + "\n\n" + end, page, flags=re.S)
        with open(PAGE, "w") as f:
            f.write(page)


if __name__ == "__main__":
    main()

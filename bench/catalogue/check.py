#!/usr/bin/env python3
"""Trains configurations of the catalogue and compares what comes out with the table in models/README.md. See run.sh."""
import argparse
import json
import os
import re
import subprocess
import sys
import time

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../models/README.md")
TOLERANCE = 0.03  # of a figure: seeds and machines differ by less


def rows_of(text):
    """Yields the cells of each configuration's line: name, rows, code, seconds, figure, what it is for."""
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if len(cells) == 6 and cells[0].startswith("`"):
            yield line, cells


def train(catvae, name, data, out):
    """Trains, and returns the seconds that it took and the run's bound, negative, on rows that it has not seen."""
    began = time.monotonic()
    # Open Clip Art has a few broken files: they are passed over, which is status 3.
    command = [catvae, "train", "--config", name, "--data", data, "--out", out, "--samples", "1", "--max-bad", "0.05", "--force"]
    status = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    if status not in (0, 3):
        sys.exit(f"{name}: catvae train ended with status {status}")
    seconds = time.monotonic() - began
    with open(os.path.join(out, "bundle/verification.json")) as f:
        record = json.load(f)["record"]
    steps = record["step"]
    measured = record.get("test") or record.get("validation")
    return seconds, -measured["elbo"], steps


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", required=True, help="folder that rows.py has filled")
    p.add_argument("--catvae", default="catvae", help="the command, built")
    p.add_argument("--out", required=True, help="folder for runs")
    p.add_argument("--write", action="store_true", help="write times and figures into the table")
    p.add_argument("names", nargs="*", help="configurations; all where none is given")
    a = p.parse_args()
    with open(TABLE) as f:
        text = f.read()
    failed, results = [], {}
    for line, cells in rows_of(text):
        name, source = cells[0].strip("`"), cells[1].strip("`")
        if a.names and name not in a.names:
            continue
        data = source if source == "glyphs" else os.path.join(a.data, source)
        if source != "glyphs" and not os.path.exists(data):
            print(f"{name}: {data} is missing: left out", flush=True)
            continue
        seconds, figure, steps = train(a.catvae, name, data, os.path.join(a.out, name))
        results[name] = seconds, figure
        expected = re.sub(r"[^0-9.eE+-]", "", cells[4])
        verdict = "new"
        if expected:
            verdict = "as expected" if abs(figure - float(expected)) <= TOLERANCE * max(1, abs(float(expected))) else f"expected {expected}"
        if verdict.startswith("expected"):
            failed.append(name)
        print(f"{name}: -ELBO {figure:.2f} nats after {steps} steps and {seconds:.0f} s, {verdict}", flush=True)
        if a.write:
            cells[3], cells[4] = f"{seconds:.0f} s", f"{figure:.1f}"
            text = text.replace(line, "| " + " | ".join(cells) + " |")
            with open(TABLE, "w") as f:
                f.write(text)
    if "mnist-conv" in results:
        t2, f2 = results["mnist-conv"]
        for rival in ("bernoulli-mlp", "mnist-mlp"):
            if rival in results:
                t1, f1 = results[rival]
                print(f"mnist-conv is {f1 - f2:.2f} nats better than {rival}, in {t2 / t1:.2f} of its time")
                if rival == "bernoulli-mlp" and (f1 - f2 < 5 or t2 > t1):
                    failed.append(f"mnist-conv beside {rival}")
    if failed and not a.write:
        sys.exit("not as the table says: " + ", ".join(failed))


main()

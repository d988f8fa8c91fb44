#!/usr/bin/env python3
"""Runs the graphs of two bundles on many runtimes, one by one, and says where each gives the numbers of onnxruntime 1.29.0, where others,
and where none. See run.sh. rows.json has a row for each runtime; figures.json what came out; docs/runtimes.md gets the table.

Each graph gets the same input on every runtime: the encoder rows, the threshold the reference's logits, the decoder the reference's codes. So a
wrong graph is named, and no error is handed on.
"""

import argparse
import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "runtimes.md"
FIGURES = HERE / "figures.json"
GRAPHS = ("encoder", "threshold", "decoder", "int8", "uint8", "float16")
VARIANTS = GRAPHS[3:]
TOLERANCE = 1e-4  # of floats, relative to the row's largest, as docs/bundle.md has it


def reference(bundle, case, work):
    """Writes each graph's input, runs it on the reference, and returns jobs with what must come out."""
    import onnxruntime

    manifest = json.loads((bundle / "manifest.json").read_text())
    given = manifest["input"]
    pixels = numpy.fromfile(case / "rows.u8", numpy.uint8).reshape(-1, *given["shape"])
    rows = pixels.astype(numpy.float32) / numpy.float32(given["divide"])
    jobs = []

    def job(name, path, field, x, outputs):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        wanted = session.run(outputs, {field: x})
        file = work / (name + ".input")
        numpy.ascontiguousarray(x).tofile(file)
        jobs.append({
            "name": name, "graph": str(path), "input": field, "file": str(file), "dtype": str(x.dtype), "shape": list(x.shape),
            "outputs": [[o, str(work / (name + "." + o))] for o in outputs], "like": [list(w.shape[1:]) for w in wanted],
        })
        return wanted

    wanted = {}
    (logits,) = wanted["encoder"] = job("encoder", bundle / "encoder.onnx", "sample", rows, ["latent_logits"])
    code, packed = wanted["threshold"] = job("threshold", bundle / "threshold.onnx", "latent_logits", logits, ["code", "packed_code"])
    wanted["decoder"] = job("decoder", bundle / "decoder.onnx", "code", code, ["reconstruction", "reconstruction_logits"])
    for name in VARIANTS:
        v = manifest["variants"][name]
        wanted[name] = job(name, bundle / v["file"], "sample", pixels if v["input"] == "uint8" else rows, ["latent_logits", "packed_code"])
    return jobs, wanted, manifest["latent"]


def near(logits, latent):
    """Packed: bits whose logit is within rounding of a decision, which any of two runtimes may turn."""
    rows = len(logits)
    margin = 1e-4 * numpy.maximum(1, abs(logits.reshape(rows, -1)).max(axis=1))
    if latent["kind"] == "categorical":
        ordered = numpy.sort(logits, axis=2)
        close = ordered[:, :, -1] - ordered[:, :, -2] <= margin[:, None]
        return numpy.packbits(numpy.repeat(close, logits.shape[2], axis=1), axis=1)
    thresholds = numpy.array(latent.get("thresholds") or 0, numpy.float32)
    return numpy.packbits(abs(logits - thresholds) <= margin[:, None], axis=1)


def judge(name, wanted, job, latent):
    """What a graph's outputs are beside the reference's: equal, or how many bits and values differ."""
    verdict, parts = "equal", []
    for (output, path), want in zip(job["outputs"], wanted):
        if not os.path.exists(path):
            return "refused", "it gave no " + output
        got = numpy.fromfile(path, want.dtype)
        if got.size != want.size:
            return "differs", "%s has %d values instead of %d" % (output, got.size, want.size)
        got = got.reshape(want.shape)
        if output == "packed_code":
            aside = near(wanted[0], latent) if name in VARIANTS else numpy.zeros_like(want)
            bits = int(numpy.unpackbits((got ^ want) & ~aside).sum())
            if bits:
                parts.append("%d of %d bits" % (bits, wanted[0].size))
        elif name in VARIANTS:
            continue  # of variants the codes count: 8-bit products are rounded as each processor does
        else:
            scale = numpy.maximum(1, abs(want).reshape(len(want), -1).max(axis=1)).reshape(-1, *[1] * (want.ndim - 1))
            off = abs(got.astype(numpy.float64) - want) / scale
            if not (off <= TOLERANCE).all():
                parts.append("%s by %.2g" % (output, numpy.nanmax(numpy.where(numpy.isfinite(off), off, numpy.inf))))
    if parts:
        verdict = "differs"
    return verdict, ", ".join(parts)


# --- programs ---


def quiet(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(map(str, command[:4])), (done.stdout.strip() or "no output").splitlines()[-1]))
    return done.stdout


def python(version):
    """An interpreter of a version: on the PATH, or of pyenv."""
    found = shutil.which("python" + version)
    if found and subprocess.run([found, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
        return found
    root = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    for path in sorted(root.glob("versions/%s.*/bin/python" % version)):
        return str(path)
    raise RuntimeError("no Python %s is here" % version)


def prepare(row, work, library):
    """Installs what a row needs in a folder of its own; returns the command that takes JOBS.json and FROM, its folder and environment."""
    wants = row.get("packages") or row.get("npm") or [row["name"]]
    place = work / re.sub("[^A-Za-z0-9.-]+", "_", " ".join([row.get("python", "")] + wants))
    place.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ)
    if "python" in row:
        program, packages = python(row["python"]), place / "packages"
        alone = ["--no-deps"] if row["peer"] in ("onnxruntime", "opencv") else []  # they import numpy and no more
        if not (place / "done").exists():
            quiet([program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target", packages, *row["packages"], *alone])
            (place / "done").touch()
        env["PYTHONPATH"] = str(packages)
        return [program, HERE / "peer.py", row["peer"]], place, env
    if "npm" in row:
        if not (place / "done").exists():
            quiet(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", place, *row["npm"]])
            (place / "done").touch()
        return ["node", HERE / ("peer-web.mjs" if row.get("browser") else "peer.mjs"), row["peer"]], place, env
    if "maven" in row:
        pom = (HERE.parent.parent / "examples/java/pom.xml").read_text()
        (place / "pom.xml").write_text(pom.replace("<version>1.29.0</version>", "<version>%s</version>" % row["maven"]))
        shutil.copy(HERE / "Peer.java", place)
        quiet(["mvn", "--quiet", "package", "dependency:copy-dependencies"], cwd=place)
        return ["java", "-cp", "target/classes:target/dependency/*", "Peer"], place, env
    env.setdefault("CARGO_TARGET_DIR", str(work / "target"))
    shutil.copytree(HERE / "rust", work / "rust", dirs_exist_ok=True)
    quiet(["cargo", "build", "--quiet", "--release", "--package", "peer-" + row["cargo"]], cwd=work / "rust", env=env)
    env["ORT_DYLIB_PATH"] = library
    return [pathlib.Path(env["CARGO_TARGET_DIR"]) / "release" / ("peer-" + row["cargo"])], place, env


def take(row, sets, work, library):
    """Runs all graphs of all bundles on a runtime, and goes on behind one that ends it."""
    figures = {}
    try:
        command, place, env = prepare(row, work, library)
    except RuntimeError as error:
        return {"missing": str(error)}
    for name, (jobs, wanted, latent) in sets.items():
        for job in jobs:
            for _, path in job["outputs"]:
                pathlib.Path(path).unlink(missing_ok=True)
        file = work / (name + ".json")
        file.write_text(json.dumps(jobs))
        lines = []
        while len(lines) < len(jobs):
            done = subprocess.run([*map(str, command), str(file), str(len(lines))], cwd=place, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=900)
            came = [line for line in done.stdout.splitlines() if line][: len(jobs) - len(lines)]
            lines += came
            if len(lines) < len(jobs):
                why = (done.stderr.strip().splitlines() or [""])[-1]
                lines.append("it ended with status %d: %s" % (done.returncode, why))
        if all("ModuleNotFoundError" in line for line in lines):
            return {"missing": lines[0]}  # a package that was not installed, which says nothing of the graphs
        figures[name] = {}
        for job, line in zip(jobs, lines):
            verdict, detail = judge(job["name"], wanted[job["name"]], job, latent) if line == "ok" else ("refused", line[:300])
            figures[name][job["name"]] = {"is": verdict, **({"why": detail} if detail else {})}
    return figures


# --- the page ---


def cell(entry):
    if entry["is"] == "equal":
        return "="
    return "**%s**" % entry["why"] if entry["is"] == "differs" else "refused"


def short(text):
    """A reason in one line."""
    text = text.replace("|", "/").replace("`", "'")
    return text if len(text) <= 160 else text[:157] + "…"


def table(figures, rows):
    lines = ["| runtime | " + " | ".join("%s: %s" % (b, g) for b in ("Bernoulli", "categorical") for g in GRAPHS) + " |", "| --- |" + " --- |" * 2 * len(GRAPHS)]
    reasons = []
    for row in rows:
        got = figures.get(row["name"])
        if not got or "missing" in got:
            continue
        lines.append("| %s | " % row["name"] + " | ".join(cell(got[b][g]) for b in ("bernoulli", "categorical") for g in GRAPHS) + " |")
        why = {}
        for b in ("bernoulli", "categorical"):
            for g in GRAPHS:
                if got[b][g]["is"] == "refused":
                    why.setdefault(short(got[b][g]["why"]), []).append("%s %s" % (b, g))
        reasons += ["- %s, %s: `%s`" % (row["name"], ", ".join(of), text) for text, of in why.items()]
    return lines, reasons


def write(figures, rows):
    text = PAGE.read_text()
    lines, reasons = table(figures, rows)
    for marker, part in (("table", lines), ("refused", reasons)):
        begin, end = "<!-- %s -->" % marker, "<!-- /%s -->" % marker
        head, _, rest = text.partition(begin)
        _, _, tail = rest.partition(end)
        text = head + begin + "\n\n" + "\n".join(part) + "\n\n" + end + tail
    PAGE.write_text(text)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bernoulli", type=pathlib.Path, metavar="BUNDLE", help="with the variants int8, uint8 and float16")
    p.add_argument("--categorical", type=pathlib.Path, metavar="BUNDLE", help="the same, of categorical variables")
    p.add_argument("--cases", type=pathlib.Path, help="the program examples/cases")
    p.add_argument("--rows", default="glyphs", help="rows for it: see infer --in")
    p.add_argument("--work", type=pathlib.Path, help="folder for what is installed and made")
    p.add_argument("--new", action="store_true", help="leave out rows that figures.json has")
    p.add_argument("--write", action="store_true", help="write docs/runtimes.md from figures.json, after the rows")
    p.add_argument("names", nargs="*", metavar="ROW", help="rows by name, or a pattern such as 'OpenCV*'; none: all that --work is given for")
    a = p.parse_args()
    rows = json.loads((HERE / "rows.json").read_text())
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    if a.work:
        a.work = a.work.resolve()
        sets = {}
        for name, bundle in (("bernoulli", a.bernoulli.resolve()), ("categorical", a.categorical.resolve())):
            folder = a.work / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            quiet([a.cases.resolve(), "write", "--in", a.rows, bundle, folder / "case"])
            sets[name] = reference(bundle, folder / "case", folder)
        library = quiet([a.cases.resolve(), "library"]).strip()
        chosen = [r for r in rows if not a.names or any(fnmatch.fnmatch(r["name"], n) for n in a.names)]
        if not chosen:
            sys.exit("no row is called %s: rows.json has them" % " or ".join(a.names))
        for row in chosen:
            if a.new and row["name"] in figures and "missing" not in figures[row["name"]]:
                continue
            got = take(row, sets, a.work, library)
            figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}  # another process may have added rows
            figures[row["name"]] = got
            say = got.get("missing") or "; ".join("%s %s" % (b[0].upper(), " ".join("%s:%s" % (g, e["is"] + ("(%s)" % e["why"][:70] if "why" in e else "")) for g, e in got[b].items())) for b in got)
            print(row["name"] + ":", say, flush=True)
            new = FIGURES.with_suffix(".new")
            new.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
            new.replace(FIGURES)
    if a.write:
        write(figures, rows)


if __name__ == "__main__":
    main()

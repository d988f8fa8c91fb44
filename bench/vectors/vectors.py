#!/usr/bin/env python3
"""Measures codes of vectors beside each other: see run.sh."""
import argparse
import json
import os
import resource
import subprocess
import tempfile

import faiss
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
LOG = os.path.join(HERE, "figures.json")
PAGE = os.path.join(HERE, "../../docs/vectors.md")
FIRST, WITHIN = 10, 100


class Rows:
    """Base and queries of a file: unit rows, divided at random by the seed of the split, which is one for all runs."""

    def __init__(self, path, base, queries, apart):
        rows = np.load(path).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows[: base + queries]  # the most frequent words
        order = np.random.default_rng(7).permutation(len(rows))
        self.queries = rows[order[:queries]]
        self.base = rows[order[queries : queries + base]]
        if apart:  # to choose by: rows of the base are queries, and the queries are not looked at
            self.queries, self.base = self.base[:queries], self.base[queries:]
        flat = faiss.IndexFlatIP(rows.shape[1])
        flat.add(self.base)
        self.truth = flat.search(self.queries, FIRST)[1]
        self.dims = rows.shape[1]


DATA = {"minilm": ("minilm.npy", 59012), "glove100": ("glove100.npy", 100000)}


def found(scores):
    """Returns the rows of the highest scores, the best first, of equal ones the lower row."""
    part = np.argpartition(-scores, WITHIN, axis=1)[:, :WITHIN]
    values = np.take_along_axis(scores, part, 1)
    edge = values.min(1, keepdims=True)
    for i in np.flatnonzero((scores == edge).sum(1) > (values == edge).sum(1)):  # ties at the edge: the lower rows
        part[i] = np.lexsort((np.arange(scores.shape[1]), -scores[i]))[:WITHIN]
    values = np.take_along_axis(scores, part, 1)
    return np.take_along_axis(part, np.lexsort((part, -values), axis=1), 1)


def figures(truth, rows):
    """Returns recall@10 and the share of the true ten within the first 100."""
    share = lambda k: float(np.mean([len(np.intersect1d(t, r[:k])) / FIRST for t, r in zip(truth, rows)]))
    return {"recall": round(share(FIRST), 4), "within": round(share(WITHIN), 4)}


def processor():
    """Returns the seconds of processor time of this program and of those that it has run: other work on the machine does not count."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def blocks(n, size=100):
    return [slice(i, min(i + size, n)) for i in range(0, n, size)]


def signs(packed, bits):
    return np.unpackbits(packed, axis=1, count=bits).astype(np.float32) * 2 - 1


# Rivals: each returns how it trains and, once it is trained, how it encodes and searches.


def index(factory, metric=faiss.METRIC_L2, tune=None):
    """An index of FAISS by its factory string."""

    def run(rows, bits, seed):
        x = faiss.index_factory(rows.dims, factory(rows.dims, bits), metric)
        if tune:
            tune(x, seed)
        began = processor()
        x.train(rows.base)
        trained = processor() - began
        faiss.omp_set_num_threads(1)
        began = processor()
        x.add(rows.base[:5000])
        rate = 5000 / (processor() - began)
        faiss.omp_set_num_threads(os.cpu_count())
        x.add(rows.base[5000:])
        bytes_each = x.sa_code_size() if hasattr(x, "sa_code_size") else bits // 8
        return {"": (lambda: x.search(rows.queries, WITHIN)[1], bytes_each)}, trained, rate

    return run


def seeded(x, seed):
    inner = faiss.downcast_index(x)
    while hasattr(inner, "index"):
        inner = faiss.downcast_index(inner.index)
    if hasattr(inner, "pq"):
        inner.pq.cp.seed = 1234 + seed
    if hasattr(inner, "rq"):
        inner.rq.cp.seed = 1234 + seed
        inner.rq.max_beam_size = 5
    if hasattr(inner, "lsq"):
        inner.lsq.random_seed = 12345 + seed


def padded(dims, m):
    return "" if dims % m == 0 else f"Pad{-(-dims // m) * m},"


def turbovec(rows, bits, seed):
    """TurboQuant, 2 bits of each of bits/2 principal components, turned at random; its norm, a float, is counted."""
    import turbovec as tv

    width = min(bits // 2, rows.dims // 8 * 8)
    to = faiss.PCAMatrix(rows.dims, width, 0, True)
    began = processor()
    to.train(rows.base)
    x = tv.TurboQuantIndex(width, 2)
    base = to.apply(rows.base)
    x.calibrate(base[np.random.default_rng(seed).choice(len(base), 4096, replace=False)])
    trained = processor() - began
    began = processor()
    x.add(base)
    rate = len(base) / (processor() - began)
    return {"": (lambda: x.search(to.apply(rows.queries), WITHIN)[1].astype(np.int64), width // 4 + 4)}, trained, rate


def rabitq(rows, bits, seed):
    """RaBitQ's own library: one list, one bit of each of bits - 64 components, and its 8 bytes of corrections."""
    import rabitqlib

    width = bits - 64 if bits > 64 else bits
    to = faiss.PCAMatrix(rows.dims, min(width, rows.dims), 0, True)
    began = processor()
    to.train(rows.base)
    base = to.apply(rows.base)
    trained = processor() - began
    x = rabitqlib.IvfIndex(base.shape[1], len(base), 1, 1)
    began = processor()
    x.build(base, base.mean(0, keepdims=True), np.zeros(len(base), np.uint32))
    rate = len(base) / (processor() - began)

    def search():
        out = x.search(to.apply(rows.queries), WITHIN, 1)
        ids = next(a for a in out if np.asarray(a).dtype.kind in "iu")
        return np.asarray(ids).astype(np.int64)

    return {"": (search, width // 8 + 8)}, trained, rate


def sign(rows, bits, seed):
    """One bit a number, of rows less their mean."""
    mean = rows.base.mean(0)
    code = np.where(rows.base > mean, 1, -1).astype(np.float32)
    query = rows.queries - mean
    return products(np.where(query > 0, 1, -1).astype(np.float32), query, code, -(-rows.dims // 8)), 0.0, None


def products(hamming, floats, code, bytes_each):
    """The two ways to search in bits: by the Hamming distance, and by a float query."""
    scored = lambda q: lambda: np.concatenate([found(q[b] @ code.T) for b in blocks(len(q))])
    return {"Hamming": (scored(hamming), bytes_each), "float query": (scored(floats), bytes_each)}


# Ours: a model of the catalogue, trained by catvae and run by infer.


def ours(model, categories=False, **keys):
    def run(rows, bits, seed):
        with tempfile.TemporaryDirectory() as work:
            path = lambda name: os.path.join(work, name)
            np.save(path("base.npy"), rows.base)
            np.save(path("queries.npy"), rows.queries)
            sets = [f"latent.variables={bits // 8 if categories else bits}", *(f"{k.replace('__', '.')}={v}" for k, v in keys.items())]

            def tool(*args):
                subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

            began = processor()
            tool(ARGS.catvae, "train", "--data", path("base.npy"), "--config", model, "--seed", str(seed), "--samples", "1", "--out", path("run"), *(a for s in sets for a in ("--set", s)))
            trained = processor() - began

            def infer(file, kind, *more):
                tool(ARGS.infer, "--model", path("run"), "--in", file, "--codes", kind, "--out", path(f"{kind}.npy"), "--force", *more)
                return np.load(path(f"{kind}.npy"))

            query = infer(path("queries.npy"), "query")
            began = processor()
            code = infer(path("base.npy"), "index" if categories else "packed", "--threads", "1")
            rate = len(code) / (processor() - began)
            if not categories:
                hamming = signs(infer(path("queries.npy"), "packed"), bits)
                return products(hamming, query, signs(code, bits), bits // 8), trained, rate

            def search():
                out = []
                for q in query:
                    scores = np.zeros(len(code), np.float32)
                    for v in range(code.shape[1]):
                        scores += q[v, code[:, v]]
                    out.append(scores)
                return found(np.stack(out))

            return {"look-up": (search, code.shape[1])}, trained, rate

    return run


METHODS = {
    "sign": sign,
    "FAISS ITQ": index(lambda d, bits: f"ITQ{bits},LSH"),
    "FAISS PQ": index(lambda d, bits: f"{padded(d, bits // 8)}PQ{bits // 8}", tune=seeded),
    "FAISS OPQ": index(lambda d, bits: f"OPQ{bits // 8}_{min(d, 384) // 32 * 32},PQ{bits // 8}", tune=seeded),
    "FAISS RQ, beam 5": index(lambda d, bits: f"RQ{bits // 8}x8_Nqint8", tune=seeded),
    "FAISS LSQ": index(lambda d, bits: f"LSQ{bits // 8}x8_Nqint8", tune=seeded),
    "FAISS RaBitQ": index(lambda d, bits: f"PCAR{min(max(bits - 64, 64), d)},RaBitQ"),
    "rabitqlib": rabitq,
    "turbovec": turbovec,
    "catvae itq": ours("embeddings-itq"),
    "catvae similarity": ours("embeddings-search"),
    "catvae rq": ours("rq", categories=True, data__vector__steps="normalise,centre"),
    "catvae residual": ours("residual", categories=True, data__vector__steps="normalise,centre", optimizer__learning_rate=0.0002),
}


def unfit(name, data, bits):
    """Says why a method has no such code, or nothing."""
    dims = {"minilm": 384, "glove100": 100}[data]
    if name == "sign" and bits != 64:  # it has one size: measured once
        return "has one size"
    if name in ("FAISS RaBitQ", "rabitqlib") and bits == 64:
        return "spends 64 bits on corrections"
    if name == "FAISS ITQ" and bits > dims:
        return "has no more bits than rows have numbers"
    return ""


def log():
    return json.load(open(LOG)) if os.path.exists(LOG) else {}


def main():
    for data in ARGS.data.split(","):
        file, base = DATA[data]
        rows = Rows(os.path.join(ARGS.rows, file), base, 1000, ARGS.choose)
        for bits in map(int, ARGS.bits.split(",")):
            for name in ARGS.methods.split(";") if ARGS.methods else METHODS:
                if unfit(name, data, bits):
                    continue
                for seed in map(int, ARGS.seeds.split(",")):
                    searches, trained, rate = METHODS[name](rows, bits, seed)
                    for way, (search, size) in searches.items():
                        got = figures(rows.truth, search())
                        got |= {"bytes": size, "seconds": round(trained, 1), "encoded": rate and round(rate)}
                        print(data, bits, name, way, seed, got, flush=True)
                        if ARGS.write:
                            all = log()
                            all.setdefault(data, {}).setdefault(f"{name}; {way}".rstrip("; "), {}).setdefault(str(bits), {})[str(seed)] = got
                            with open(LOG + ".new", "w") as f:
                                json.dump(all, f, indent=1, sort_keys=True)
                                f.write("\n")
                            os.replace(LOG + ".new", LOG)
    if ARGS.write:
        page()


def mean(values):
    m = float(np.mean(values))
    if len(values) < 2:
        return f"{m:.3f}"
    return f"{m:.3f} ± {np.std(values, ddof=1) / len(values) ** 0.5:.3f}"


def table(rows):
    """Returns a line for each code of each size, in the order of bytes, then of recall."""
    lines = []
    for name, sizes in rows.items():
        for bits, seeds in sizes.items():
            of = lambda key: [r[key] for r in seeds.values() if r[key] is not None]
            shown = lambda key: f"{np.median(of(key)):,.0f}" if of(key) else "-"
            text = f"| {of('bytes')[0]} | {name} | {mean(of('recall'))} | {mean(of('within'))} | {len(seeds)} | {shown('seconds')} | {shown('encoded')} |"
            lines.append((of("bytes")[0], -np.mean(of("recall")), text))
    head = ["| bytes a row | code | recall@10 | within 100 | seeds | training, s | rows/s |", "| --- | --- | --- | --- | --- | --- | --- |"]
    return "\n".join(head + [text for *_, text in sorted(lines)])


def curves():
    """Draws recall@10 by bytes a row, a picture for each set of rows."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "catvae"
    from matplotlib import pyplot

    for data, rows in log().items():
        figure, axes = pyplot.subplots(figsize=(8, 5))
        for i, (name, sizes) in enumerate(sorted(rows.items())):
            points = sorted((runs["bytes"], runs["recall"]) for seeds in sizes.values() for runs in [{k: np.mean([r[k] for r in seeds.values()]) for k in ("bytes", "recall")}])
            own = name.startswith("catvae")
            axes.plot(*zip(*points), color=pyplot.get_cmap("tab20")(i), marker="o^sDv"[i % 5], linewidth=2.5 if own else 1, linestyle="-" if own else "--", label=name)
        axes.set(xlabel="bytes a row, corrections too", ylabel="recall@10", xscale="log", title=data)
        axes.set_xticks([8, 16, 32, 48], [8, 16, 32, 48])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
        figure.savefig(os.path.join(os.path.dirname(PAGE), f"vectors-{data}.svg"), bbox_inches="tight", metadata={"Date": None})
        pyplot.close(figure)


def page():
    """Writes the tables into the page, between its marks, and the pictures beside it."""
    curves()
    text = open(PAGE).read()
    for data, rows in log().items():
        begin, end = f"<!-- {data} -->\n", f"<!-- end of {data} -->"
        if begin in text:
            text = text[: text.index(begin) + len(begin)] + table(rows) + "\n" + text[text.index(end) :]
    with open(PAGE, "w") as f:
        f.write(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", required=True, help="folder that rows.py has filled")
    parser.add_argument("--data", default="minilm,glove100", help="which rows")
    parser.add_argument("--bits", default="64,128,256", help="sizes of codes")
    parser.add_argument("--methods", help="names with semicolons between; all where none is given")
    parser.add_argument("--seeds", default="1", help="seeds with commas between")
    parser.add_argument("--choose", action="store_true", help="measure on rows of the base as queries: to choose by")
    parser.add_argument("--catvae", default="catvae", help="the command, built")
    parser.add_argument("--infer", default="infer", help="the command, built")
    parser.add_argument("--write", action="store_true", help="write the figures into the log and the page")
    ARGS = parser.parse_args()
    main()

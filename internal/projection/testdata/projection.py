"""Writes projection.json: principal components, ITQ and least squares of a small set of rows by NumPy. Run it in this folder.

pip install numpy==2.4.6
"""
import json

import numpy as np

rng = np.random.default_rng(3)
n, width = 80, 6
rows = np.round(rng.normal(size=(n, width)) @ rng.normal(size=(width, width)) + 2, 3)
mean = rows.mean(0)
x = rows - mean
_, _, vt = np.linalg.svd(x, full_matrices=False)
vt *= np.sign(vt[np.arange(width), np.abs(vt).argmax(1)])[:, None]

cases = []
for bits in [4, 6, 9]:
    kept = min(bits, width)
    v = x @ vt[:kept].T
    start = np.round(rng.normal(size=(bits, kept)), 3)
    r = np.linalg.qr(start)[0].T  # [kept, bits], orthonormal rows
    for _ in range(50):  # Gong and Lazebnik, section 2.2
        b = np.where(v @ r > 0, 1.0, -1.0)
        s, _, ut = np.linalg.svd(b.T @ v, full_matrices=False)
        r = ut.T @ s.T
    w = vt[:kept].T @ r
    cases.append({"bits": bits, "start": start.ravel().tolist(), "weight": w.ravel().tolist(), "bias": (-mean @ w).tolist()})

code = (rows @ np.array(cases[0]["weight"]).reshape(width, 4) + cases[0]["bias"] > 0).astype(float)
design = np.hstack([code, np.ones((n, 1))])
solution = np.linalg.lstsq(design, rows, rcond=None)[0]
left = ((rows - design @ solution) ** 2).mean()
json.dump({"rows": rows.tolist(), "components": vt.T.ravel().tolist(), "itq": cases, "code": code.tolist(), "least_squares": solution.ravel().tolist(), "left": left}, open("projection.json", "w"))

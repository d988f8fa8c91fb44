#!/usr/bin/env python3
"""Runs ONNX's checker, with shapes inferred strictly, over the models that tests left: fullcheck.py DIR.

    CATVAE_ONNX_MODELS=DIR go test ./builder ./export
"""
import pathlib
import sys

import onnx

paths = sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))
failed = 0
for path in paths:
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as e:  # of several kinds
        failed += 1
        test = path.with_name(path.name + ".txt").read_text().strip()
        print(f"{test}: {str(e).splitlines()[0]}", file=sys.stderr)
print(f"{len(paths)} models, {failed} that ONNX's checker refuses")
sys.exit(failed > 0 or len(paths) < 100)

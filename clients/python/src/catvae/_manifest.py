"""The manifest of a bundle: read, checked, and asked for what the rest needs.

Checks are those that docs/bundle.md wants of every reader. What a newer format may mean is never guessed: a value that this package
does not know is an error that names its key.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from typing import Any, Optional

import numpy as np

from ._latent import Group, Latent
from ._likelihood import LIKELIHOODS
from ._rule import Rule
from .errors import BundleError

MOST_BYTES = 8 << 20  # of a manifest
MOST_VALUES = 1 << 24  # of a row, and of a code
GRAPHS = ("encoder.onnx", "threshold.onnx", "decoder.onnx")
KINDS = ("bernoulli", "categorical", "gaussian", "hierarchical", "mixed")
RESIZES = ("none", *(fit + how for fit in ("", "fit-", "fill-") for how in ("nearest", "bilinear", "catmull-rom")))
STANDARDS = ("all", "column", "log", "vector")
BACKGROUND = re.compile(r"|black|white|\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]|#[0-9a-fA-F]{6}")
SUM = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself. `data` is the whole JSON object."""

    data: dict[str, Any]
    name: str
    shape: tuple[int, ...]
    sample: str  # the name of the graphs' input
    rule: Rule
    latent: Latent
    likelihood: str
    parameters: dict[str, Any]
    standard: Optional[dict[str, Any]]
    image: Optional[dict[str, Any]]
    columns: tuple[str, ...]
    columns_sum: str
    outputs: tuple[str, ...]
    target_shape: tuple[int, ...]  # of what the decoder gives of a row
    predicted: bool
    files: dict[str, tuple[str, int]]  # SHA-256 and size by name
    variants: dict[str, dict[str, Any]]

    @property
    def row_size(self) -> int:
        return math.prod(self.shape)

    @property
    def graphs(self) -> tuple[str, ...]:
        return (*GRAPHS, "layers.onnx") if self.latent.layered else GRAPHS


def parse(text: bytes) -> Manifest:
    """Read manifest.json. A newer major version is refused before anything else is looked at."""
    if len(text) > MOST_BYTES:
        raise BundleError(f"manifest.json has {len(text)} bytes, at most {MOST_BYTES} are read")
    try:
        data = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as e:
        raise BundleError(f"manifest.json is no JSON: {e}") from None
    if not isinstance(data, dict):
        raise BundleError("manifest.json holds no object")
    _version(data)
    try:
        return _parsed(data)
    except (KeyError, TypeError, AttributeError, OverflowError) as e:
        what = f"lacks {e}" if isinstance(e, KeyError) else f"has a value of another type: {e}"
        raise BundleError(f"manifest.json {what}") from None


def _version(data: dict[str, Any]) -> None:
    version = data.get("format_version")
    found = re.fullmatch(r"(\d{1,5})\.(\d{1,5})", version) if isinstance(version, str) else None
    if not found:
        raise BundleError(f"manifest.json has the format_version {version!r}: it must be MAJOR.MINOR, such as 1.2")
    if int(found[1]) > 1:
        raise BundleError(f"the bundle has format {found[1]}, this package reads up to 1.x: use a newer catvae")


def _parsed(data: dict[str, Any]) -> Manifest:
    given = data["input"]
    shape = _shape("input.shape", given["shape"])
    latent = _latent(data["latent"])
    likelihood, parameters = data["likelihood"], dict(data.get("likelihood_parameters") or {})
    _known("likelihood", likelihood, tuple(LIKELIHOODS))
    levels = parameters.get("levels") or 256
    _must(2 <= levels <= 256, f"likelihood_parameters.levels is {levels}: use 2 to 256")
    concentration = parameters.get("concentration") or 1
    _must(1e-3 <= concentration <= 1e6, f"likelihood_parameters.concentration is {concentration}: use 0.001 to 1e6")
    _must(given["dtype"] == "float32", f"input.dtype is {given['dtype']!r}: graphs take float32")
    standard = _standard(given.get("standard"), math.prod(shape))
    predicted = data.get("predicted")
    _must((predicted is None) != latent.conditional, "predicted and a latent.prior of conditional go together")
    target = shape
    if standard and standard.get("truncate", 0) not in (0, math.prod(shape)):
        target = (standard["truncate"],)
    if predicted is not None:
        target = _target(predicted, shape)
    columns = tuple(given.get("columns") or ())
    _must(
        not columns or len(set(columns)) == len(columns) == math.prod(shape),
        f"input.columns has {len(columns)} names, {len(set(columns))} of them different, for rows of shape {shape}",
    )
    manifest = Manifest(
        data=data,
        name=str(data.get("name", "")),
        shape=shape,
        sample=str(given["name"]),
        rule=Rule.of(given),
        latent=latent,
        likelihood=likelihood,
        parameters=parameters,
        standard=standard,
        image=_image(given.get("image"), shape),
        columns=columns,
        columns_sum=str(given.get("columns_sha256", "")),
        outputs=_outputs(data.get("outputs") or [], latent),
        target_shape=target,
        predicted=predicted is not None,
        files=_files(data["files"]),
        variants=dict(data.get("variants") or {}),
    )
    for name in manifest.graphs:
        _must(name in manifest.files, f"files lacks {name}")
    for name, variant in manifest.variants.items():
        _must(variant["file"] in manifest.files, f"files lacks {variant['file']}, the file of the variant {name}")
        _known(f"variants.{name}.input", variant["input"], ("uint8", "float32"))
    return manifest


def _latent(given: dict[str, Any]) -> Latent:
    kind, variables = _known("latent.kind", given["kind"], KINDS), given["variables"]
    categories, own = given.get("categories") or 0, given.get("groups") or []
    _must(_whole(variables) and 1 <= variables <= MOST_VALUES, f"latent.variables is {variables}: use 1 to {MOST_VALUES}")
    groups: tuple[Group, ...] = ()
    if kind in ("mixed", "hierarchical"):
        groups = tuple(_group(i, g) for i, g in enumerate(own))
        _must(
            len(groups) == 2 if kind == "hierarchical" else len(groups) > 0,
            f"latent.groups holds {len(groups)} of {kind} variables",
        )
        total = sum(g.variables for g in groups)
        _must(total == variables, f"latent.variables is {variables}, and latent.groups have {total}")
    else:
        _must(not own, f"latent.groups is given for {kind} variables")
        if kind == "categorical":
            groups = (_group(None, {"kind": kind, "variables": variables, "categories": categories}),)
        else:
            _must(categories == 0, f"latent.categories is {categories} for {kind} variables")
            groups = (Group(variables, 0),) if kind == "bernoulli" else ()
    prior = given["prior"]
    priors = ("normal", "conditional") if kind == "gaussian" else ("uniform", "learned", "conditional")
    _known("latent.prior.kind", prior["kind"], priors)
    _known("latent.bit_order", given["bit_order"], ("msb_first",))
    point = given.get("posterior") or ""
    _known("latent.posterior", point, ("", "point"))
    logits = tuple(float(x) for x in prior.get("logits") or ())
    thresholds = tuple(float(x) for x in given.get("thresholds") or ())
    latent = Latent(
        kind=kind,
        variables=variables,
        categories=categories,
        groups=groups,
        prior=logits or None,
        thresholds=thresholds,
        point=point == "point",
        conditional=prior["kind"] == "conditional",
    )
    _must(latent.bits <= MOST_VALUES, f"latent has {latent.bits} bits: codes have at most {MOST_VALUES}")
    learned = latent.prior_size if prior["kind"] == "learned" else 0
    _must(len(logits) == learned, f"latent.prior is {prior['kind']} with {len(logits)} logits, it has {learned}")
    decided = 0 if latent.gaussian or latent.layered else len(latent.decided())
    _must(len(thresholds) in (0, decided), f"latent.thresholds holds {len(thresholds)} numbers for {decided} bits")
    _must(
        not point or not (latent.gaussian or latent.layered or latent.conditional),
        f"latent.posterior is {point} for {kind} variables",
    )
    return latent


def _group(index: Optional[int], given: dict[str, Any]) -> Group:
    key = "latent" if index is None else f"latent.groups[{index}]"
    _known(key + ".kind", given["kind"], ("bernoulli", "categorical"))
    variables, categories = given["variables"], given.get("categories") or 0
    _must(_whole(variables) and 1 <= variables <= MOST_VALUES, f"{key}.variables is {variables}: use 1 to {MOST_VALUES}")
    right = _whole(categories) and (2 <= categories <= MOST_VALUES if given["kind"] == "categorical" else categories == 0)
    _must(right, f"{key}.categories is {categories} for {given['kind']} variables")
    return Group(variables, categories)


def _standard(given: Optional[dict[str, Any]], width: int) -> Optional[dict[str, Any]]:
    if given is None:
        return None
    kind = _known("input.standard.kind", given["kind"], STANDARDS)
    steps, cut = given.get("steps") or [], given.get("truncate") or 0
    _must(_whole(cut) and 0 <= cut <= width, f"input.standard.truncate is {cut} for rows of {width} values")
    for step in steps:
        _known("input.standard.steps", step, ("normalise", "centre"))
    _must(not (steps or cut) or kind == "vector", f"input.standard has steps, and is {kind}")
    mean, deviation = (np.array(given.get(k) or [], np.float32) for k in ("mean", "deviation"))
    means = {"all": 1, "column": width, "log": 0, "vector": (cut or width) if "centre" in steps else 0}[kind]
    deviations = 0 if kind == "vector" else means
    _must(mean.shape == (means,), f"input.standard of {kind} has {mean.size} means, it needs {means}")
    _must(
        deviation.shape == (deviations,),
        f"input.standard of {kind} has {deviation.size} deviations, it needs {deviations}",
    )
    right = bool(np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation > 0).all())
    _must(right, "input.standard holds numbers that are not finite, or deviations that are not above 0")
    return {"kind": kind, "steps": list(steps), "truncate": cut, "mean": mean, "deviation": deviation}


def _image(given: Optional[dict[str, Any]], shape: tuple[int, ...]) -> Optional[dict[str, Any]]:
    if given is None:
        return None
    color = given.get("color") or ""
    fits = len(shape) == 2 if color == "" else color == "rgb" and len(shape) == 3 and shape[0] == 3
    _must(
        fits,
        f"input.image.color is {color!r} for rows of shape {shape}: grey has [height, width], rgb [3, height, width]",
    )
    _known("input.image.resize", given["resize"], RESIZES)
    _known("input.image.orientation", given.get("orientation") or "none", ("none", "exif"))
    background = given.get("background") or ""
    _must(
        BACKGROUND.fullmatch(background) is not None,
        f"input.image.background is {background!r}, which this package does not know",
    )
    return given


def _outputs(given: list[str], latent: Latent) -> tuple[str, ...]:
    for name in given:
        _known("outputs", name, ("query", "index_code"))
    _must("query" not in given or not latent.gaussian, "outputs has query, which gaussian variables have not")
    indexed = latent.kind == "categorical" and latent.categories <= 256
    _must("index_code" not in given or indexed, f"outputs has index_code, which {latent.kind} variables have not")
    return tuple(given)


def _target(predicted: dict[str, Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    axis, lines = (1 if len(shape) > 2 else 0), predicted["lines"]
    _must(_whole(lines) and 1 <= lines < shape[axis], f"predicted.lines is {lines} for rows of shape {shape}")
    target = (*shape[:axis], lines, *shape[axis + 1 :])
    _must(
        tuple(predicted["shape"]) == target,
        f"predicted.shape is {predicted['shape']}, {lines} lines have {list(target)}",
    )
    return target


def _files(given: dict[str, Any]) -> dict[str, tuple[str, int]]:
    files = {}
    for name, entry in given.items():
        inside = name and not name.startswith("/") and not any(part in ("", ".", "..") for part in name.split("/"))
        plain = not any(c in "\\:" or ord(c) < 32 or ord(c) == 127 for c in name)
        _must(inside and plain, f"files has {name[:100]!r}, which leaves the folder, or is no plain name")
        sha256, size = entry["sha256"], entry["size"]
        _must(_whole(size) and 0 <= size < 1 << 31, f"files: {name} has {size} bytes: 0 to 2147483647 are possible")
        _must(
            SUM.fullmatch(sha256) is not None,
            f"files: {name} has the SHA-256 {sha256[:100]!r}: it has 64 digits in lower case",
        )
        files[name] = (sha256, size)
    return files


def _shape(key: str, given: Any) -> tuple[int, ...]:
    right = isinstance(given, list) and len(given) > 0 and all(_whole(n) and 1 <= n <= MOST_VALUES for n in given)
    _must(right and math.prod(given) <= MOST_VALUES, f"{key} is {str(given)[:100]}: a row has 1 to {MOST_VALUES} values")
    return tuple(given)


def _whole(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)


def _known(key: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise BundleError(f"manifest.json has {key} {str(value)[:100]!r}, this package knows {', '.join(k for k in known if k)}")
    return str(value)


def _must(holds: Any, message: str) -> None:
    if not holds:
        raise BundleError("manifest.json: " + message)

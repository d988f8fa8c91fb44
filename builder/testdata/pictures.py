"""Writes pictures.json: convolutions, pools and enlargements in PyTorch, float64, for builder's tests to agree with.

    python pictures.py > pictures.json        (torch 2)

Each case has a picture x, weights where the layer has some, and a weighing r of the result: the loss is Σ r·y. Numbers that go
in have three decimals. Cases with "ties" hold few different numbers, so that windows have several largest ones.
"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


def draw(*shape):
    return (torch.randn(*shape) * 1000).round() / 1000


def numbers(t):
    return [float(f"{v:.13g}") for v in t.flatten().tolist()]


def pad(x, p, value=0.0):
    """Begin and end of each axis, as a list of beginnings and then ends."""
    n = len(p) // 2
    both = []
    for i in reversed(range(n)):
        both += [p[i], p[n + i]]
    return F.pad(x, both, value=value)


def case(layer, shape, weight=None, bias=None, ties=False, **spec):
    x = torch.randint(-2, 3, shape).double() if ties else draw(*shape)
    axes = len(shape) - 2
    one = lambda key, absent: spec.get(key) or [absent] * axes
    leaves = {"x": x}
    if weight is not None:
        leaves["weight"] = draw(*weight)
    if bias is not None:
        leaves["bias"] = draw(bias)
    for t in leaves.values():
        t.requires_grad_()
    w, b = leaves.get("weight"), leaves.get("bias")
    p = spec.get("padding") or [0] * axes
    if len(p) == 1:
        p = p * axes
    if len(p) == axes:
        p = p + p
    if layer == "conv":
        f = [F.conv1d, F.conv2d, F.conv3d][axes - 1]
        y = f(pad(x, p), w, b, stride=one("stride", 1), dilation=one("dilation", 1), groups=spec.get("groups", 1))
    elif layer == "transposed":
        f = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][axes - 1]
        y = f(x, w, None, stride=one("stride", 1), output_padding=one("output_padding", 0), dilation=one("dilation", 1), groups=spec.get("groups", 1))
        y = pad(y, [-n for n in p])
        if b is not None:
            y = y + b.view(1, -1, *[1] * axes)
    elif layer == "max":
        f = [F.max_pool1d, F.max_pool2d, F.max_pool3d][axes - 1]
        y = f(pad(x, p, -float("inf")), spec["kernel"], stride=one("stride", 1), dilation=one("dilation", 1))
    elif layer == "average":
        f = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d][axes - 1]
        if p[:axes] == p[axes:]:
            y = f(x, spec["kernel"], stride=one("stride", 1), padding=p[:axes], count_include_pad=spec.get("count_padding", False))
        else:  # the sum over a window, by how many of its numbers there are
            k = 1.0
            for n in spec["kernel"]:
                k *= n
            total = f(pad(x, p), spec["kernel"], stride=one("stride", 1)) * k
            there = f(pad(torch.ones_like(x), p), spec["kernel"], stride=one("stride", 1)) * k
            y = total / (k if spec.get("count_padding", False) else there)
    elif layer == "global":
        y = [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d][axes - 1](x, 1).flatten(1)
    elif layer == "upsample":
        if spec["mode"] == "nearest":
            y = F.interpolate(x, scale_factor=tuple(spec["scale"]), mode="nearest")
        else:
            y = F.interpolate(x, scale_factor=tuple(spec["scale"]), mode=["linear", "bilinear", "trilinear"][axes - 1], align_corners=False)
    elif layer == "transpose":
        y = x.permute(*spec["perm"])
    r = draw(*y.shape)
    (r * y).sum().backward()
    out = {"layer": layer, "spec": spec, "x": {"shape": list(shape), "values": numbers(x), "gradient": numbers(x.grad)}}
    for name in ["weight", "bias"]:
        if name in leaves:
            t = leaves[name]
            out[name] = {"shape": list(t.shape), "values": numbers(t), "gradient": numbers(t.grad)}
    out["r"] = numbers(r)
    out["y"] = {"shape": list(y.shape), "values": numbers(y)}
    return out


cases = [
    # convolutions: [batch, channels, size...], [maps, channels / groups, kernel...]
    case("conv", (2, 3, 5, 6), (4, 3, 3, 3), 4, kernel=[3], padding=[1]),
    case("conv", (2, 2, 5, 4), (3, 2, 3, 2), 3, kernel=[3, 2]),
    case("conv", (1, 1, 7, 7), (2, 1, 3, 3), 2, kernel=[3, 3], stride=[2, 2], padding=[1, 1]),
    case("conv", (2, 2, 8, 7), (3, 2, 3, 3), 3, kernel=[3, 3], stride=[2, 3], padding=[1, 0]),
    case("conv", (2, 1, 6, 6), (2, 1, 4, 4), 2, kernel=[4, 4], stride=[2, 2], padding=[1, 1]),
    case("conv", (2, 2, 7, 8), (2, 2, 3, 2), 2, kernel=[3, 2], dilation=[2, 3]),
    case("conv", (2, 2, 7, 8), (2, 2, 2, 2), kernel=[2, 2], dilation=[3, 2], stride=[2, 3], padding=[2, 1]),
    case("conv", (2, 4, 5, 5), (6, 2, 3, 3), 6, kernel=[3, 3], padding=[1, 1], groups=2),
    case("conv", (2, 3, 5, 4), (3, 1, 3, 3), kernel=[3, 3], padding=[1, 1], groups=3),
    case("conv", (2, 3, 6, 5), (6, 1, 2, 3), 6, kernel=[2, 3], stride=[2, 1], groups=3),
    case("conv", (2, 2, 5, 5), (3, 2, 2, 2), 3, kernel=[2, 2], padding=[0, 1, 1, 0]),
    case("conv", (1, 2, 5, 6), (2, 2, 3, 3), 2, kernel=[3, 3], stride=[2, 2], padding=[0, 2, 1, 0]),
    case("conv", (3, 4, 4, 3), (2, 4, 1, 1), 2, kernel=[1, 1]),
    case("conv", (2, 2, 5, 5), (2, 2, 1, 1), kernel=[1, 1], stride=[2, 2]),
    case("conv", (2, 2, 3, 4), (5, 2, 3, 4), 5, kernel=[3, 4]),
    case("conv", (2, 1, 2, 2), (2, 1, 3, 3), 2, kernel=[3, 3], padding=[3, 2], stride=[3, 2]),
    case("conv", (2, 3, 9), (4, 3, 3), 4, kernel=[3], stride=[2], padding=[1]),
    case("conv", (1, 1, 8), (2, 1, 4), 2, kernel=[4], dilation=[2], padding=[3, 1]),
    case("conv", (2, 4, 7), (4, 2, 3), kernel=[3], groups=2, stride=[3]),
    case("conv", (1, 2, 3, 4, 3), (2, 2, 2, 3, 2), 2, kernel=[2, 3, 2], stride=[1, 2, 1], padding=[1, 1, 0]),
    # transposed: [batch, channels, size...], [channels, maps / groups, kernel...]
    case("transposed", (2, 3, 3, 4), (3, 2, 3, 3), 2, kernel=[3, 3], padding=[1, 1]),
    case("transposed", (2, 2, 3, 3), (2, 3, 3, 3), 3, kernel=[3, 3], stride=[2, 2], padding=[1, 1], output_padding=[1, 1]),
    case("transposed", (1, 2, 4, 3), (2, 1, 4, 4), 1, kernel=[4, 4], stride=[2, 2], padding=[1, 1]),
    case("transposed", (2, 2, 3, 3), (2, 2, 2, 3), kernel=[2, 3], stride=[3, 2], output_padding=[2, 0]),
    case("transposed", (2, 4, 3, 2), (4, 3, 3, 3), 6, kernel=[3, 3], stride=[2, 2], padding=[1, 1], groups=2, output_padding=[0, 1]),
    case("transposed", (2, 3, 3, 3), (3, 1, 2, 2), 3, kernel=[2, 2], stride=[2, 2], groups=3),
    case("transposed", (2, 2, 3, 4), (2, 2, 3, 2), 2, kernel=[3, 2], dilation=[2, 3], stride=[2, 1]),
    case("transposed", (2, 2, 3, 3), (2, 2, 3, 3), 2, kernel=[3, 3], stride=[2, 2], padding=[0, 1, 1, 2]),
    case("transposed", (1, 2, 5), (2, 3, 4), 3, kernel=[4], stride=[2], padding=[1]),
    case("transposed", (2, 1, 2, 3, 2), (1, 2, 2, 2, 2), 2, kernel=[2, 2, 2], stride=[2, 1, 2]),
    # pools
    case("max", (2, 2, 4, 6), kernel=[2, 2], stride=[2, 2]),
    case("max", (2, 3, 6, 6), ties=True, kernel=[2, 2], stride=[2, 2]),
    case("max", (2, 2, 5, 7), ties=True, kernel=[2, 2], stride=[2, 2]),
    case("max", (2, 2, 6, 5), ties=True, kernel=[3, 3], stride=[2, 2], padding=[1, 1]),
    case("max", (1, 2, 5, 5), ties=True, kernel=[3, 2], stride=[1, 1]),
    case("max", (1, 2, 5, 6), ties=True, kernel=[3, 3], stride=[2, 2], padding=[1, 0, 0, 1]),
    case("max", (1, 2, 6, 7), ties=True, kernel=[2, 3], stride=[2, 1], dilation=[2, 2]),
    case("max", (2, 2, 9), ties=True, kernel=[3], stride=[3], padding=[1, 1]),
    case("max", (1, 2, 4, 4, 5), ties=True, kernel=[2, 2, 2], stride=[2, 2, 2]),
    case("average", (2, 2, 4, 6), kernel=[2, 2], stride=[2, 2]),
    case("average", (2, 2, 5, 6), kernel=[3, 3], stride=[2, 2], padding=[1, 1]),
    case("average", (2, 2, 5, 6), kernel=[3, 3], stride=[2, 2], padding=[1, 1], count_padding=True),
    case("average", (1, 2, 5, 5), kernel=[3, 2], stride=[1, 1], padding=[0, 1, 1, 0]),
    case("average", (2, 3, 7), kernel=[3], stride=[2], padding=[1]),
    case("average", (1, 2, 4, 3, 5), kernel=[2, 1, 3], stride=[2, 1, 2], padding=[0, 0, 1]),
    case("global", (2, 3, 4, 5)),
    case("global", (1, 2, 7)),
    # enlarging
    case("upsample", (2, 2, 3, 4), scale=[2, 2], mode="nearest"),
    case("upsample", (1, 2, 3, 2), scale=[2, 3], mode="nearest"),
    case("upsample", (2, 2, 4), scale=[3], mode="nearest"),
    case("upsample", (2, 2, 3, 4), scale=[2, 2], mode="linear"),
    case("upsample", (1, 2, 1, 3), scale=[3, 2], mode="linear"),
    case("upsample", (2, 1, 5), scale=[4], mode="linear"),
    case("upsample", (1, 1, 2, 3, 2), scale=[2, 2, 3], mode="linear"),
    # axes in another order
    case("transpose", (2, 3, 4, 5), perm=[0, 2, 3, 1]),
    case("transpose", (2, 3, 4), perm=[2, 0, 1]),
]

print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")

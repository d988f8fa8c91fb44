"""Makes convolutional encoders and decoders of common shapes in PyTorch, and what they give for some rows.

    pip install torch onnx onnxscript
    python torch_zoo.py OUT [small]

OUT gets NAME.script.onnx and NAME.dynamo.onnx, of torch's two exporters, and NAME.y.npy, what PyTorch gives for 64 rows, or 7 codes. With
"small", only the models that the tests keep.
"""

import pathlib
import sys
import warnings

import numpy
import torch
from torch import nn
from torch.nn import functional as F

warnings.simplefilter("ignore")


class Lambda(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


class Residual(nn.Module):
    def __init__(self, *layers, after=None):
        super().__init__()
        self.inner = nn.Sequential(*layers)
        self.after = after or nn.Identity()

    def forward(self, x):
        return self.after(x + self.inner(x))


class Squeeze(nn.Module):  # squeeze and excitation
    def __init__(self, n):
        super().__init__()
        self.down, self.up = nn.Conv2d(n, 8, 1), nn.Conv2d(8, n, 1)

    def forward(self, x):
        gate = F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))
        return x * F.hardsigmoid(self.up(gate))


class LayerNorm2d(nn.Module):  # over channels, as ConvNeXt has it
    def __init__(self, n):
        super().__init__()
        self.norm = nn.LayerNorm(n)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.depth, self.norm = nn.Conv2d(n, n, 7, padding=3, groups=n), nn.LayerNorm(n)
        self.wide, self.thin = nn.Linear(n, 4 * n), nn.Linear(4 * n, n)
        self.gamma = nn.Parameter(torch.full((n,), 0.5))

    def forward(self, x):
        y = self.norm(self.depth(x).permute(0, 2, 3, 1))
        y = self.gamma * self.thin(F.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


class Inception(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(n, 4, 1), nn.Conv2d(n, 4, 3, padding=1), nn.Conv2d(n, 4, 5, padding=2)

    def forward(self, x):
        return F.relu(torch.cat([self.a(x), self.b(x), self.c(x), F.max_pool2d(x, 3, 1, 1)], 1))


class Shuffle(nn.Module):  # ShuffleNet's: split, depthwise, concatenate, shuffle
    def __init__(self, n):
        super().__init__()
        self.conv = nn.Conv2d(n // 2, n // 2, 3, padding=1, groups=n // 2)

    def forward(self, x):
        a, b = x.chunk(2, 1)
        y = torch.cat([a, F.relu(self.conv(b))], 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1), nn.Conv2d(24, 8, 3, padding=1)
        self.out = nn.Linear(8 * 16 * 16, 24)

    def forward(self, x):
        a = F.relu(self.a(x))
        b = F.relu(self.b(F.max_pool2d(a, 2)))
        up = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
        return self.out(F.relu(self.c(torch.cat([a, up], 1))).flatten(1))


class Normalised(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(1, 8, 3, 2, 1), nn.Linear(8 * 8 * 8, 24)

    def forward(self, x):
        x = F.pad(x, (1, 0, 1, 0), mode="reflect")[:, :, 1:, 1:]
        return self.out(F.normalize(F.relu(self.conv(x)).flatten(1), dim=1) * 5)


class Maxout(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(1, 8, 3, 2, 1), nn.Linear(8, 24)

    def forward(self, x):
        y = torch.maximum(self.a(x), self.b(x))
        y = torch.where(y > 0.5, y, 0.1 * y)
        return self.out(y.amax((2, 3)) - y.mean((2, 3)))


def flat(*sizes):
    return nn.Unflatten(1, sizes)


def rows(shape):
    """64 rows of numbers within [0,1), or of 0 and 1 where they are codes: zoo_test.go makes the same ones."""
    n = numpy.arange(64 * int(numpy.prod(shape)), dtype=numpy.uint64)
    x = ((n * 2654435761 % 2**32) >> 8).astype(numpy.float32) / 2**24
    return (numpy.round(x) if len(shape) == 1 else x).astype(numpy.float32).reshape(64, *shape)


def models():
    conv, relu = nn.Conv2d, nn.ReLU
    up = nn.ConvTranspose2d
    bn = nn.BatchNorm2d
    picture, code = (1, 16, 16), (24,)
    return {
        # encoders of 1x16x16
        "lenet": (picture, nn.Sequential(conv(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), conv(6, 8, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(32, 24))),
        "vgg": (picture, nn.Sequential(conv(1, 8, 3, padding=1), relu(), conv(8, 8, 3, padding=1), relu(), nn.MaxPool2d(2), conv(8, 16, 3, padding=1), relu(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 24))),
        "dcgan-encoder": (picture, nn.Sequential(conv(1, 8, 4, 2, 1, bias=False), nn.LeakyReLU(0.2), conv(8, 16, 4, 2, 1, bias=False), bn(16), nn.LeakyReLU(0.2), conv(16, 24, 4), nn.Flatten())),
        "resnet": (picture, nn.Sequential(conv(1, 8, 3, 2, 1, bias=False), bn(8), relu(), nn.MaxPool2d(3, 2, 1), Residual(conv(8, 8, 3, padding=1), bn(8), relu(), conv(8, 8, 3, padding=1), bn(8), after=relu()), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 24))),
        "groupnorm-silu": (picture, nn.Sequential(conv(1, 8, 3, 2, 1), nn.GroupNorm(4, 8), nn.SiLU(), Residual(nn.GroupNorm(2, 8), nn.SiLU(), conv(8, 8, 3, padding=1)), nn.Flatten(), nn.Linear(512, 24))),
        "convnext": (picture, nn.Sequential(conv(1, 8, 4, 4), LayerNorm2d(8), ConvNeXt(8), Lambda(lambda x: x.mean((2, 3))), nn.LayerNorm(8), nn.Linear(8, 24))),
        "mobilenet": (picture, nn.Sequential(conv(1, 8, 3, 2, 1, bias=False), bn(8), nn.Hardswish(), conv(8, 8, 3, padding=1, groups=8, bias=False), bn(8), nn.Hardswish(), Squeeze(8), conv(8, 16, 1), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 24))),
        "inception": (picture, nn.Sequential(conv(1, 4, 3, 2, 1), relu(), Inception(4), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(16, 24))),
        "shufflenet": (picture, nn.Sequential(conv(1, 8, 3, 2, 1), relu(), Shuffle(8), Shuffle(8), nn.Flatten(), nn.Linear(512, 24))),
        "dilated": (picture, nn.Sequential(conv(1, 8, 3, padding=2, dilation=2), nn.Mish(), conv(8, 8, 3, padding=4, dilation=4), nn.ELU(), nn.Flatten(), nn.Linear(2048, 24))),
        "instancenorm": (picture, nn.Sequential(nn.ReflectionPad2d(1), conv(1, 8, 3, 2), nn.InstanceNorm2d(8, affine=True), nn.PReLU(8), conv(8, 8, 3, 2, 1), nn.InstanceNorm2d(8), nn.GELU(), nn.Flatten(), nn.Linear(128, 24))),
        "unet": (picture, UNet()),
        "normalised": (picture, Normalised()),
        "maxout": (picture, Maxout()),
        "conv1d": ((3, 32), nn.Sequential(nn.Conv1d(3, 8, 5, 2, 2), nn.BatchNorm1d(8), relu(), nn.Conv1d(8, 8, 3, padding=1, dilation=1), nn.Softplus(), nn.AvgPool1d(4), nn.Flatten(), nn.Linear(32, 24))),
        # decoders of 24 numbers
        "dcgan-decoder": (code, nn.Sequential(flat(24, 1, 1), up(24, 16, 4, bias=False), bn(16), relu(), up(16, 8, 4, 2, 1, bias=False), bn(8), relu(), up(8, 1, 4, 2, 1), nn.Sigmoid())),
        "output-padding": (code, nn.Sequential(nn.Linear(24, 128), relu(), flat(8, 4, 4), up(8, 8, 3, 2, 1, output_padding=1, groups=2), relu(), up(8, 1, 3, 2, 1, output_padding=1))),
        "upsample-conv": (code, nn.Sequential(nn.Linear(24, 128), nn.SiLU(), flat(8, 4, 4), nn.Upsample(scale_factor=2), conv(8, 8, 3, padding=1), nn.SiLU(), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), conv(8, 1, 3, padding=1))),
        "pixelshuffle": (code, nn.Sequential(nn.Linear(24, 128), nn.CELU(), flat(8, 4, 4), conv(8, 16, 3, padding=1), nn.PixelShuffle(2), nn.Hardsigmoid(), conv(4, 4, 3, padding=1), nn.PixelShuffle(2))),
        "resize-decoder": (code, nn.Sequential(nn.Linear(24, 72), nn.SELU(), flat(8, 3, 3), Lambda(lambda x: F.interpolate(x, size=(16, 16), mode="bicubic")), nn.GroupNorm(2, 8), nn.Softsign(), conv(8, 1, 3, padding=1))),
    }


SMALL = {"resnet", "mobilenet", "convnext", "inception", "maxout", "pixelshuffle"}


def main(out, only=None):
    torch.manual_seed(1)
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for name, (shape, model) in models().items():
        for m in model.modules():  # statistics that are not 0 and 1
            if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
                m.running_mean.normal_(0, 0.1), m.running_var.uniform_(0.5, 1.5)
        model.eval()
        x = torch.from_numpy(rows(shape))
        if only and name not in SMALL:
            continue
        with torch.no_grad():
            y = model(x).numpy()
        numpy.save(out / f"{name}.y.npy", y if len(shape) > 1 else y[:7])
        for exporter in "script", "dynamo":
            try:
                options = dict(input_names=["x"], output_names=["y"])
                if exporter == "script":
                    options.update(dynamo=False, dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
                else:
                    options.update(dynamo=True, external_data=False, verbose=False, dynamic_shapes=({0: torch.export.Dim("n")},))
                torch.onnx.export(model, (x[:3],), str(out / f"{name}.{exporter}.onnx"), **options)
            except Exception as e:
                print(name, exporter, "NOT EXPORTED", str(e).splitlines()[0][:150])


if __name__ == "__main__":
    main(*sys.argv[1:])

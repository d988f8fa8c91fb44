"""PyTorch as a contender: rows of an IDX file in, packed codes as NPY out, with the weights of a bundle.

    python torch_codes.py MODE THREADS WORK                                      tune: print the fastest SETTING and its rate
    python torch_codes.py MODE THREADS WORK SETTING ROWS.idx CODES.npy MOST_ROWS

MODE is float32, bfloat16 or int8 (dynamic). PyTorch is given its best: inference mode, every thread, the fastest of four
batch sizes (and of int8's engines), the pixels' scale folded into the first layer's weights, ReLU in place, arrays made
once, and a first batch before the clock starts. torch.ao's quantize_dynamic is what PyTorch itself still brings; its
successor is another package, torchao.
"""

import json
import os
import sys
import warnings

import numpy as np
import torch

import rows as shared

warnings.filterwarnings("ignore", message=".*deprecated.*")
BATCHES = (512, 1024, 4096, 8192)
ENGINES = ("x86", "fbgemm", "onednn")
LAYERS = {"Relu": lambda: torch.nn.ReLU(inplace=True), "Tanh": torch.nn.Tanh, "Sigmoid": torch.nn.Sigmoid}


def encoder(arrays):
    model = torch.nn.Sequential()
    activations = arrays["activations"].tolist()
    for i in range(len(activations) + 1):
        weight = torch.from_numpy(arrays[f"weight{i}"]).T.contiguous()
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data = weight * float(arrays["scale"]) if i == 0 else weight
        layer.bias.data = torch.from_numpy(arrays[f"bias{i}"])
        model.append(layer)
        if i < len(activations):
            model.append(LAYERS[activations[i]]())
    return model.eval()


def quantized(model, engine):
    """int8 weights, activations quantised batch by batch; a Linear and its ReLU are one module, which is faster."""
    from torch.ao import quantization
    from torch.ao.nn.intrinsic import LinearReLU

    torch.backends.quantized.engine = engine
    pairs = [[str(i), str(i + 1)] for i in range(len(model) - 1) if isinstance(model[i + 1], torch.nn.ReLU)]
    fused = quantization.fuse_modules(model, pairs) if pairs else model
    return quantization.quantize_dynamic(fused, {torch.nn.Linear, LinearReLU}, dtype=torch.qint8)


class Contender:
    def __init__(self, mode, arrays, setting):
        self.model, self.dtype = encoder(arrays), torch.float32
        if mode == "bfloat16":  # weights converted once; pixels are whole numbers up to 255, which bfloat16 holds
            self.model, self.dtype = self.model.bfloat16(), torch.bfloat16
        elif mode == "int8":
            self.model = quantized(self.model, setting["engine"])
        self.thresholds = torch.from_numpy(arrays["thresholds"]).to(self.dtype)
        self.x = torch.empty(setting["batch"], len(arrays["weight0"]), dtype=self.dtype)
        self.bits = torch.empty(setting["batch"], len(self.thresholds), dtype=torch.bool)
        self.numpy_bits = self.bits.numpy()

    def __call__(self, batch):
        n = len(batch)
        x = self.x[:n].copy_(torch.from_numpy(batch))
        torch.gt(self.model(x), self.thresholds, out=self.bits[:n])
        return shared.pack(self.numpy_bits[:n])


def main():
    mode, threads, work, *run = sys.argv[1:]
    torch.set_num_threads(int(threads))
    with np.load(os.path.join(work, "weights.npz")) as f:
        arrays = dict(f)
    with torch.inference_mode():
        if not run:
            engines = ENGINES if mode == "int8" else ("",)
            settings = [{"batch": b, "engine": e} for b in BATCHES for e in engines]
            shared.fastest(settings, len(arrays["weight0"]), lambda s: Contender(mode, arrays, s))
            return
        setting, source, out, most = json.loads(run[0]), *run[1:]
        rows = shared.Rows(source, int(most))
        width = (len(arrays["thresholds"]) + 7) // 8
        shared.timed(rows, setting["batch"], Contender(mode, arrays, setting), width, out)


main()

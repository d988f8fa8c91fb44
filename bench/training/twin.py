"""The PyTorch twin of the models that bench/training times: same widths, objective, optimiser and data.

It reads one JSON object a line and answers with one:

    {"config": {"hidden": 400, "variables": 200, "categories": 0}, "batch": 128, "mode": "eager", "steps": 20, "grey": false}
    {"ms": 5.61, "peak_mb": 512.3}

A configuration with "channels" is two convolutions and two transposed ones, of pictures of the shape "picture": [1, 28, 28], or [3, 32, 32], of
which each plane is another row in its middle. grey says that the rows are grey bytes, which are binarised anew in each epoch; else they are 0 and 1. mode is eager (float32), channels-last (the same, with channels next to each other in memory), compile (torch.compile, float32) or bfloat16 (autocast). Adam is PyTorch's fused one.
"""

import json
import math
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F


class VAE(torch.nn.Module):
    def __init__(self, hidden, variables, categories, picture=None, channels=None):
        super().__init__()
        bits = variables * max(1, categories)
        self.categories = categories
        if channels:
            (planes, height, width), (one, two) = picture, channels
            nn, small = torch.nn, (two, height // 4, width // 4)
            self.encoder = nn.Sequential(
                nn.Unflatten(1, picture), nn.Conv2d(planes, one, 3, 2, 1), nn.ReLU(), nn.Conv2d(one, two, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(math.prod(small), bits)
            )
            self.decoder = nn.Sequential(
                nn.Linear(bits, math.prod(small)), nn.ReLU(), nn.Unflatten(1, small), nn.ConvTranspose2d(two, one, 3, 2, 1, 1), nn.ReLU(), nn.ConvTranspose2d(one, planes, 3, 2, 1, 1), nn.Flatten()
            )
            return
        self.encoder = torch.nn.Sequential(torch.nn.Linear(784, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, bits))
        self.decoder = torch.nn.Sequential(torch.nn.Linear(bits, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 784))

    def forward(self, x, u, temperature, kl_weight):
        logits = self.encoder(x)
        if self.categories:
            log_q = F.log_softmax(logits.view(len(x), -1, self.categories), -1)
            kl = (log_q.exp() * (log_q + math.log(self.categories))).sum((1, 2)).mean()
            gumbel = -torch.log(-torch.log(u.view_as(log_q)))
            z = F.softmax((logits.view_as(log_q) + gumbel) / temperature, -1).flatten(1)
        else:
            kl = (torch.sigmoid(logits) * logits - F.softplus(logits) + math.log(2)).sum(1).mean()
            z = torch.sigmoid((logits + torch.log(u / (1 - u))) / temperature)
        reconstruction = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum") / len(x)
        return reconstruction + kl_weight * kl, reconstruction, kl


class ChannelsLast(torch.nn.Module):
    def forward(self, x):
        return x.contiguous(memory_format=torch.channels_last)


class Contender:
    def __init__(self, data, config, batch, mode, grey):
        self.data, self.batch, self.mode, self.grey = data, batch, mode, grey
        self.bits = config["variables"] * max(1, config["categories"])
        self.colour = config.get("picture", [1])[0] == 3
        self.model = VAE(**config)
        if mode == "channels-last":
            self.model = self.model.to(memory_format=torch.channels_last)
            for part in (self.model.encoder, self.model.decoder):
                for at, layer in enumerate(part):
                    if isinstance(layer, torch.nn.Unflatten):
                        part[at] = torch.nn.Sequential(layer, ChannelsLast())
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)
        self.loss = torch.compile(self.model) if mode == "compile" else self.model
        self.order, self.at = torch.randperm(len(data)), 0

    def step(self):
        if self.at + self.batch > len(self.order):
            self.order, self.at = torch.randperm(len(self.data)), 0
        rows = self.order[self.at : self.at + self.batch]
        if self.colour:
            planes = [self.data[(rows + plane) % len(self.data)].view(-1, 28, 28) for plane in range(3)]
            x = F.pad(torch.stack(planes, 1), (2, 2, 2, 2)).flatten(1).float()
        else:
            x = self.data[rows].float()
        self.at += self.batch
        if self.grey:
            x = (x / 255 > torch.rand_like(x)).float()
        u = torch.rand(self.batch, self.bits).clamp_(1e-7, 1 - 1e-7)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.mode == "bfloat16"):
            loss, reconstruction, kl = self.loss(x, u, 0.5, 1.0)
        loss.backward()
        self.optimizer.step()
        return loss.item(), reconstruction.item(), kl.item()


def main():
    data = torch.from_numpy(np.fromfile(sys.argv[1], dtype=np.uint8).reshape(-1, 784))
    torch.set_num_threads(int(sys.argv[2]))
    torch.manual_seed(1)
    contenders = {}
    for line in sys.stdin:
        job = json.loads(line)
        key = json.dumps([job["config"], job["batch"], job["mode"]])
        if key not in contenders:
            contenders = {k: v for k, v in contenders.items() if json.loads(k)[:2] == json.loads(key)[:2]}
            contenders[key] = Contender(data, job["config"], job["batch"], job["mode"], job["grey"])
        run, values = contenders[key], (0.0,)
        start = time.perf_counter()
        for _ in range(job["steps"]):
            values = run.step()
        ms = (time.perf_counter() - start) / job["steps"] * 1e3
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"ms": ms, "loss": values[0], "peak_mb": peak}), flush=True)


main()

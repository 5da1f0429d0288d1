"""Random torch modules of which a rate network can be made: any order of affine operations and rectifiers."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

RECTIFIERS = (
    torch.relu, F.relu, lambda x: x.relu(), lambda x: x.clamp(min=0), lambda x: torch.clamp(x, 0),
    lambda x: x.clamp_min(0),
)  # fmt: skip


class Drawn(nn.Module):
    """Layers with skip connections, arithmetic with numbers, batch normalisation and dropout between them."""

    def __init__(self, seed: int, n_in: int = 6, n_out: int = 3):
        super().__init__()
        rng = self.rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self.sizes = [n_in, *rng.integers(3, 8, size=rng.integers(0, 4)).tolist()]
        self.linear = nn.ModuleList(
            nn.Linear(a, b, bias=bool(rng.random() < 0.8)) for a, b in zip(self.sizes, self.sizes[1:], strict=False)
        )
        self.norm = nn.ModuleList(nn.BatchNorm1d(n) for n in self.sizes[1:])
        for norm in self.norm:
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
        self.dropout, self.relu = nn.Dropout(0.5), nn.ReLU()
        self.skips = nn.ModuleList(
            nn.Linear(n_in, n, bias=False) if rng.random() < 0.3 else None for n in self.sizes[1:]
        )
        self.steps = [
            {
                "norm": rng.random() < 0.4, "drop": rng.random() < 0.4, "scale": rng.random() < 0.3,
                "double": rng.random() < 0.2, "rectifier": int(rng.integers(len(RECTIFIERS) + 1)),
            }
            for _ in self.linear
        ]  # fmt: skip
        self.joined = bool(self.linear) and bool(rng.random() < 0.3)
        self.shifted = bool(rng.random() < 0.5)
        self.last = nn.Linear(self.sizes[-1] + (n_in if self.joined else 0), n_out)
        self.rectified = bool(rng.random() < 0.2)

    def forward(self, x):
        if self.shifted:
            x = (x - 0.3) / 0.7
        h = x
        for linear, norm, skip, step in zip(self.linear, self.norm, self.skips, self.steps, strict=True):
            a = linear(h)
            a = a if skip is None else a + skip(x)
            a = norm(a) if step["norm"] else a
            a = 1.5 - a if step["scale"] else a
            h = (*RECTIFIERS, self.relu)[step["rectifier"]](a)
            h = self.dropout(h) if step["drop"] else h
            h = h + h * 0.5 if step["double"] else h
        h = torch.cat([h, x], dim=1) if self.joined else h
        out = self.last(h.view(h.size(0), -1))
        return torch.relu(out) if self.rectified else out


class Settled(nn.Module):
    """A recurrent layer or two whose activity settles, and a read-out, written in one of the usual ways."""

    def __init__(self, seed: int, n_in: int = 4, n_out: int = 3):
        super().__init__()
        rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self.way = int(rng.integers(4))
        self.rnn = nn.RNN(
            n_in, 5, num_layers=1 if self.way == 3 else int(rng.integers(1, 3)), nonlinearity="relu", batch_first=True,
            bias=bool(rng.random() < 0.7),
        )  # fmt: skip
        with torch.no_grad():
            for name, weight in self.rnn.named_parameters():
                if name.startswith("weight_hh"):
                    weight.mul_(0.6 / torch.linalg.matrix_norm(weight, 2))
        self.readout = nn.Linear(5, n_out)

    def forward(self, x):
        sequence, state = self.rnn(x)
        ways = (lambda: sequence[:, -1], lambda: sequence[:, -1, :], lambda: state[-1], lambda: state.squeeze(0))
        return self.readout(ways[self.way]())

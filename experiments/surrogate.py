"""Training of a discrete-time spiking network with surrogate gradients, and its plain form step by step.

The network is a layer of `spikedtp.neurons.DiscreteLIF` with filtered outputs; `spikedtp.spiking.run_torch_snn` runs
what is trained here. Weights are ``(n_in, n_out)`` in this file alone, as in torch's ``x @ w``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from spikedtp.arrays import as_indices, as_numbers
from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_whole
from spikedtp.plasticity.constraints import SignMask
from spikedtp.rate.threads import one_thread

__all__ = ["SurrogateNetwork", "TrainedNetwork", "initial_weights", "plain_scores", "plain_spikes", "train_surrogate"]

SCALE = 0.01  # of the scores in the loss


@dataclass(frozen=True)
class SurrogateNetwork:
    """Constants of the network.

    Attributes
    ----------
    alpha : float
        e^(-dt/tau), of both layers.
    threshold : float
    beta : float
        Slope of the logistic whose derivative stands for the derivative of a spike.
    """

    alpha: float = float(np.exp(-0.2))
    threshold: float = 1.0
    beta: float = 5.0

    def scores(self, x: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor) -> torch.Tensor:
        """Sum over time of the outputs, ``(batch, n_out)``, from ``x (steps, batch, n_in)``; differentiable in w1, w2.

        The outputs are linear in the hidden spikes, so their sum over time is a weighted sum of spikes.
        """
        n_hidden = w1.shape[1]
        padded = torch.nn.functional.pad(w1, (0, -n_hidden % 16))  # silent cells: products of full registers are faster
        counts = _HiddenCounts.apply(x, padded, self.alpha, self.threshold, self.beta, self.left(len(x)).to(w1.dtype))
        return counts[:, :n_hidden] @ w2

    def left(self, steps: int) -> torch.Tensor:
        """``(steps,)``: what a hidden spike in step k adds, with weight 1, to the summed output up to the last step."""
        remaining = steps - 1 - torch.arange(steps, dtype=torch.float64)
        return (1 - self.alpha**remaining) / (1 - self.alpha)


class _HiddenCounts(torch.autograd.Function):
    """Weighted spike counts of the hidden layer, with exact backpropagation through time of the surrogate.

    Forward, h = x w1 for all steps at once::

        v[k+1] = (alpha v[k] + h[k]) (1 - s[k]);  s[k+1] = v[k] > threshold;  count = sum_k left[k] s[k]

    Backward, with d[k] = beta σ (1 - σ) at v[k] - threshold and u[k] = alpha v[k] + h[k]::

        gh[k] = gv[k+1] (1 - s[k])
        gv[k] = alpha gh[k] + d[k] gs[k+1]
        gs[k] = left[k] g - gv[k+1] u[k]

    The loops run over numpy's views of the same memory: a step on a batch takes less than torch needs for a call.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        w1: torch.Tensor,
        alpha: float,
        threshold: float,
        beta: float,
        left: torch.Tensor,
    ) -> torch.Tensor:
        steps, batch, n_in = x.shape
        h = (x.reshape(-1, n_in) @ w1).view(steps, batch, -1)
        v = torch.zeros_like(h)
        quiet = torch.ones_like(h)  # 1 - s
        rows = v.numpy(), v.numpy()[1:], h.numpy(), quiet.numpy(), quiet.numpy()[1:]
        for now, after, drive, silent, silent_later in zip(*rows, strict=False):
            np.multiply(now, alpha, out=after)
            after += drive
            after *= silent
            np.less_equal(now, threshold, out=silent_later)
        ctx.save_for_backward(x, h, v, quiet, left)
        ctx.constants = alpha, threshold, beta
        return left.sum() - torch.tensordot(left, quiet, dims=1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, h, v, quiet, left = ctx.saved_tensors
        alpha, threshold, beta = ctx.constants
        u = torch.add(h, v, alpha=alpha).numpy()
        sigma = torch.sigmoid_((v - threshold).mul_(beta))
        slope = sigma.mul_(1 - sigma).mul_(beta).numpy()
        gs = (left[:, None, None] * gradient).numpy()  # becomes the whole gradient of s[k], from the last step back
        gh, silent = torch.zeros_like(h), quiet.numpy()
        gv, scratch = np.zeros(gradient.shape, gs.dtype), np.empty(gradient.shape, gs.dtype)
        for k in range(len(gs) - 2, -1, -1):
            drive = gh[k].numpy()
            np.multiply(gv, silent[k], out=drive)
            np.multiply(gv, u[k], out=scratch)
            np.multiply(slope[k], gs[k + 1], out=gv)
            gs[k] -= scratch
            np.multiply(drive, alpha, out=scratch)
            gv += scratch
        by_column = gh.view(-1, gh.shape[2]).T @ x.reshape(-1, x.shape[2])  # this way round it takes half the time
        return None, by_column.T, None, None, None, None


class _SurrogateSpike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: torch.Tensor, beta: float) -> torch.Tensor:
        ctx.save_for_backward(v)
        ctx.beta = beta
        return (v > 0).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (v,) = ctx.saved_tensors
        sigma = torch.sigmoid(ctx.beta * v)
        return gradient * ctx.beta * sigma * (1 - sigma), None


def plain_scores(
    network: SurrogateNetwork, x: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The network as a loop over steps that autograd records, as such notebooks write it: the peer of `scores`.

    Parameters
    ----------
    x : (batch, steps, n_in)

    Returns
    -------
    scores : (batch, n_out)
    hidden_spikes : (batch, steps, n_hidden)
    output_v : (batch, steps, n_out)
    """
    h = torch.einsum("abc,cd->abd", x, w1)
    v = s = torch.zeros_like(h[:, 0])
    fired = [s]
    for k in range(x.shape[1] - 1):
        v, s = (network.alpha * v + h[:, k]) * (1 - s), _SurrogateSpike.apply(v - network.threshold, network.beta)
        fired.append(s)
    spikes = torch.stack(fired, dim=1)
    h = torch.einsum("abc,cd->abd", spikes, w2)
    o = torch.zeros_like(h[:, 0])
    voltages = [o]
    for k in range(x.shape[1] - 1):
        o = network.alpha * o + h[:, k]
        voltages.append(o)
    outputs = torch.stack(voltages, dim=1)
    return outputs.sum(dim=1), spikes, outputs


def plain_spikes(
    network: SurrogateNetwork, spikes: np.ndarray, w1: ArrayLike, w2: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Hidden spikes and output voltages of `plain_scores` in float64, as arrays ``(samples, steps, n)``."""
    given = (torch.from_numpy(np.asarray(values, dtype=np.float64)) for values in (spikes, w1, w2))
    with one_thread(), torch.no_grad():
        _, hidden, output = plain_scores(network, *given)
    return hidden.numpy().astype(bool), output.numpy()


def initial_weights(sizes: tuple[int, int, int], generator: torch.Generator) -> list[torch.Tensor]:
    """U(±1/√columns) for each matrix ``(n_in, n_out)``: torch's fan-in of a matrix counts its columns."""
    bounds = [(n_in, n_out, n_out**-0.5) for n_in, n_out in pairwise(sizes)]
    return [(torch.rand(n_in, n_out, generator=generator) * 2 - 1) * bound for n_in, n_out, bound in bounds]


def _signed(weight: torch.Tensor, mask: SignMask) -> torch.Tensor:
    """`SignMask.reflect` for a tensor ``(n_pre, n_post)``, so that gradients pass."""
    signs = torch.from_numpy(mask.array).to(weight.dtype)[:, None]
    return torch.where(signs == 0, weight, weight.abs() * signs)


@dataclass(frozen=True)
class TrainedNetwork:
    """Result of `train_surrogate`.

    Attributes
    ----------
    weights, initial : tuple of two arrays
        ``(n_in, n_hidden)`` and ``(n_hidden, n_out)``, signs applied.
    loss : (epochs,)
        Mean over the batches.
    masks : tuple of two SignMask
    """

    weights: tuple[np.ndarray, np.ndarray]
    initial: tuple[np.ndarray, np.ndarray]
    loss: np.ndarray
    masks: tuple[SignMask, SignMask]

    def score(self, spikes: np.ndarray, network: SurrogateNetwork | None = None) -> np.ndarray:
        """Scores ``(samples, n_out)`` of samples ``(samples, steps, n_in)``."""
        network = network or SurrogateNetwork()
        w1, w2 = (torch.from_numpy(w) for w in self.weights)
        with one_thread(), torch.no_grad():
            parts = torch.from_numpy(spikes).split(256)
            scores = [network.scores(part.transpose(0, 1).to(w1.dtype), w1, w2) for part in parts]
        return torch.cat(scores).numpy()


def train_surrogate(
    spikes: np.ndarray,
    labels: np.ndarray,
    masks: tuple[SignMask, SignMask],
    *,
    n_classes: int,
    epochs: int = 50,
    batch: int = 64,
    learning_rate: float = 0.01,
    seed: int = 0,
    network: SurrogateNetwork | None = None,
    after_epoch: Callable[[int, float], None] | None = None,
) -> TrainedNetwork:
    """Train by Adam on the cross-entropy of 0.01 times the summed outputs.

    Parameters
    ----------
    spikes : (samples, steps, n_in) bool
    labels : (samples,) int
    masks : two SignMask
        For the inputs and for the hidden cells: how many there are, and Dale's law; the weights in use are |w| times
        the sign.
    after_epoch : callable, optional
        Called with the epoch's number and its mean loss.

    Raises
    ------
    SpikedtpError
        Shapes that do not fit.
    """
    network = network or SurrogateNetwork()
    n_in, n_hidden = (len(mask.signs) for mask in masks)
    spikes, labels = (
        as_numbers("train: spikes", spikes, None),
        as_indices("train: labels", labels, n_classes, "classes"),
    )
    if spikes.dtype != bool or spikes.ndim != 3 or spikes.shape[2] != n_in or len(labels) != len(spikes):
        raise SpikedtpError(
            f"train: spikes must be bool (samples, steps, {n_in}), with a label for each, got {spikes.dtype} "
            f"{spikes.shape} and {len(labels)} labels"
        )
    generator = torch.Generator().manual_seed(check_whole("seed", seed))
    parameters = [w.requires_grad_() for w in initial_weights((n_in, n_hidden, n_classes), generator)]
    initial = _signed_arrays(parameters, masks)
    optimiser = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
    # steps first: a batch is then one block per step, and the loop over steps walks through memory in order
    x = torch.from_numpy(np.ascontiguousarray(spikes.transpose(1, 0, 2)).view(np.uint8))
    target, losses = torch.from_numpy(labels), []
    with one_thread():
        for epoch in range(epochs):
            total = 0.0
            chunks = torch.randperm(len(spikes), generator=generator).split(batch)
            for chosen in chunks:
                signed = [_signed(w, mask) for w, mask in zip(parameters, masks, strict=True)]
                scores = network.scores(x.index_select(1, chosen).to(torch.float32), *signed)
                loss = torch.nn.functional.cross_entropy(SCALE * scores, target[chosen])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += float(loss.detach())
            losses.append(total / len(chunks))
            if after_epoch is not None:
                after_epoch(epoch, losses[-1])
    return TrainedNetwork(_signed_arrays(parameters, masks), initial, np.array(losses), masks)


def _signed_arrays(parameters: Iterable[torch.Tensor], masks: Iterable[SignMask]) -> tuple[np.ndarray, np.ndarray]:
    w1, w2 = (_signed(w.detach(), mask).numpy().copy() for w, mask in zip(parameters, masks, strict=True))
    return w1, w2

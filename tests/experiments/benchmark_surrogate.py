"""Seconds per epoch (64 batches of 64) beside the plain loop, interleaved, one thread: run it as a script."""

import statistics
import time

import numpy as np
import torch
from sound_localisation import N_CLASSES, N_FIBRES, draw_samples
from surrogate import SurrogateNetwork, initial_weights, plain_scores, train_surrogate

from spikedtp.plasticity.constraints import SignMask

BATCHES, ROUNDS = 64, 5


def plain_epoch(samples, masks, seed=0):
    """An epoch as the notebook runs it: samples first, a loop over steps, autograd, Adam as it comes."""
    network, generator = SurrogateNetwork(), torch.Generator().manual_seed(seed)
    parameters = [w.requires_grad_() for w in initial_weights((2 * N_FIBRES, 30, N_CLASSES), generator)]
    optimiser, loss_of = torch.optim.Adam(parameters, lr=0.01), torch.nn.NLLLoss()
    signs = [torch.tensor(mask.signs, dtype=torch.float32)[:, None] for mask in masks]
    total, order = 0.0, torch.randperm(len(samples), generator=generator)
    for chosen in order.split(64):
        x = torch.from_numpy(samples.spikes[chosen.numpy()]).float()
        y = torch.from_numpy(samples.label[chosen.numpy()])
        scores, _, _ = plain_scores(network, x, *(w.abs() * sign for w, sign in zip(parameters, signs, strict=True)))
        loss = loss_of(torch.log_softmax(0.01 * scores, dim=1), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item()
    return total / len(order.split(64))


if __name__ == "__main__":
    torch.set_num_threads(1)
    drawn = draw_samples(BATCHES * 64, np.random.default_rng(0))
    both = SignMask.by_index(2 * N_FIBRES, 0.5), SignMask.by_index(30, 0.5)
    times = {"plain": [], "here": []}
    for _ in range(ROUNDS):
        start = time.perf_counter()
        plain = plain_epoch(drawn, both)
        middle = time.perf_counter()
        here = train_surrogate(drawn.spikes, drawn.label, both, n_classes=N_CLASSES, epochs=1).loss[0]
        times["plain"].append(middle - start)
        times["here"].append(time.perf_counter() - middle)
        print(f"plain {times['plain'][-1]:.2f} s   here {times['here'][-1]:.2f} s   losses {plain:.6f} {here:.6f}")
    plain, here = (statistics.median(t) for t in times.values())
    print(f"median: plain {plain:.2f} s, here {here:.2f} s: {plain / here:.1f} times faster")

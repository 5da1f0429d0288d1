"""What would the weight changes of anybody's trained torch network be in two-compartment spiking neurons?

Seven networks, written in the ways in which tutorials write them, are trained in torch with cross entropy. `from_torch`
makes a rate network of each: somas compute what the module computes, and dendrites get its error from above, because
interneurons predict the top-down input until the output is nudged (Sacramento, Costa, Bengio & Senn 2018, NeurIPS; the
rule is dendritic target propagation, Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159). Then
every population spikes (closed loop).

For each network: the largest difference of its logits; accuracy in torch, in rate and by spikes; and the cosine of the
spiking ΔW of single presentations with the ΔW of the rate network and with backprop's own step, next to the cosine that
noise alone would leave. Each image is shown with another class than its own as target, so that there is an error.

To expect (digits): logits equal to 1e-5; accuracy by spikes within 2 points; with feedback along the transposed weights
the rule's ΔW is backprop's, and the spiking ΔW reaches .9 and more of it, as far as noise allows.

    python experiments/torch_networks.py --out results/torch_networks
    python experiments/torch_networks.py --feedback random --out results/torch_networks_random
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
import typer
from figures.torch_networks import torch_networks_figure
from scipy.special import softmax
from torch import nn
from tqdm import tqdm

from spikedtp import compare_updates, cross_entropy_target, datasets, from_torch, simulate
from spikedtp.cli import run_script
from spikedtp.compare import summarise
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import SpikingNetwork, default_device


class Stacked(nn.Module):
    """A stack of layers behind a flattening, as in torch's quick start."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(
            nn.Linear(n_in, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, n_out)
        )

    def forward(self, x):
        return self.linear_relu_stack(self.flatten(x))


class Functional(nn.Module):
    """Functions in place of layers, dropout, and logarithms of probabilities at the end."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.n_in = n_in
        self.fc1, self.fc2, self.fc3 = nn.Linear(n_in, 100), nn.Linear(100, 60), nn.Linear(60, n_out)

    def forward(self, x):
        x = x.view(-1, self.n_in)
        x = F.dropout(F.relu(self.fc1(x)), 0.2, training=self.training)
        x = F.relu(self.fc2(x))
        return F.log_softmax(self.fc3(x), dim=1)


def normalised(n_in: int, n_out: int) -> nn.Module:
    """Batch normalisation and dropout between the layers."""
    layers: list[nn.Module] = []
    for a, b in ((n_in, 96), (96, 64)):
        layers += [nn.Linear(a, b, bias=False), nn.BatchNorm1d(b), nn.ReLU(inplace=True), nn.Dropout(0.25)]
    return nn.Sequential(*layers, nn.Linear(64, n_out))


class Residual(nn.Module):
    """Blocks whose input is added to their output, and inputs that are centred in `forward`."""

    def __init__(self, n_in: int, n_out: int, width: int = 64):
        super().__init__()
        self.embed, self.head = nn.Linear(n_in, width), nn.Linear(width, n_out)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(2))

    def forward(self, x):
        x = torch.relu(self.embed((x - 0.5) / 0.5))
        for block in self.blocks:
            x = torch.relu(x + block(x))
        return self.head(x)


class Recurrent(nn.Module):
    """A recurrent layer that sees one input again and again, and a read-out of its last state."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.rnn = nn.RNN(n_in, 64, nonlinearity="relu", batch_first=True)
        self.out = nn.Linear(64, n_out)
        self.contract()

    @torch.no_grad()
    def contract(self, most: float = 0.9) -> None:
        """Keep the recurrence a contraction, so that the activity settles."""
        norm = torch.linalg.matrix_norm(self.rnn.weight_hh_l0, 2)
        self.rnn.weight_hh_l0.mul_(min(1.0, most / float(norm)))

    def forward(self, x):
        _, h = self.rnn(x)
        return self.out(h[-1])


class Convolutional(nn.Module):
    """Two convolutions, average pooling and a linear layer."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.side = round(n_in**0.5)
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3)
        self.pool = nn.AvgPool2d(2)
        self.fc = nn.Linear(16 * ((self.side // 2) - 2) ** 2, n_out)

    def forward(self, x):
        x = x.reshape(-1, 1, self.side, self.side)
        x = self.pool(F.relu(self.conv1(x)))
        x = F.relu(self.conv2(x))
        return self.fc(torch.flatten(x, 1))


NETWORKS = {
    "quick start": Stacked,
    "functional": Functional,
    "batch norm": normalised,
    "residual": Residual,
    "recurrent": Recurrent,
    "convolutional": Convolutional,
    "one layer": lambda n_in, n_out: nn.Linear(n_in, n_out),
}


def main(
    out: Path = typer.Option(Path("results/torch_networks"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Two networks, few samples: does it run?"),
    seed: int = typer.Option(0, min=0, help="Of initial weights, batches and spikes."),
    data: str = typer.Option("digits", help="digits or mnist:DIR."),
    epochs: int = typer.Option(40, min=1, help="Passes through the training images, in torch."),
    samples: int = typer.Option(20, min=1, help="Test images whose weight changes are compared."),
    tested: int = typer.Option(600, min=1, help="Test images that are answered, at most."),
    feedback: str = typer.Option("tied", help="Top-down weights: tied, random or learned."),
    spikers: int = typer.Option(4, min=1, help="Units that fire for each cell above the input."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Trained torch networks as circuits of two-compartment spiking neurons."""
    names = ["quick start", "one layer"] if quick else list(NETWORKS)
    if quick:
        epochs, samples, tested = 3, 3, 20
    device = device or default_device()
    dataset = datasets.load(data)
    with staged(out) as folder:
        accuracies, tables = [], []
        for name in tqdm(names, unit="network"):
            torch.manual_seed(seed)
            module = trained(NETWORKS[name](dataset.n_inputs, dataset.n_classes), dataset, epochs)
            network, scale = as_circuit(module, dataset, feedback, seed)
            accuracies.append(
                {"network": name, **answers(module, network, scale, dataset, tested, device, seed, spikers)}
            )
            tables.append(updates(network, scale, dataset, samples, device, seed, spikers).assign(network=name))
        accuracy, table = pd.DataFrame(accuracies), pd.concat(tables, ignore_index=True)
        medians = pd.concat(
            [summarise(group).assign(network=name) for name, group in table.groupby("network", sort=False)],
            ignore_index=True,
        )
        write_table(folder, "accuracy", accuracy)
        write_table(folder, "presentations", table)
        write_table(folder, "medians", medians)
        save_figure(folder, "torch_networks", torch_networks_figure(accuracy, medians))
        write_summary(folder, summary(accuracy, medians))
        write_manifest(
            folder,
            configuration=dict(
                data=data,
                epochs=epochs,
                samples=samples,
                tested=tested,
                feedback=feedback,
                spikers=spikers,
                device=device,
                quick=quick,
            ),
            seeds={"seed": seed},
        )
    typer.echo(accuracy.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    cosines = medians[medians["measure"] == "cosine"].pivot_table(
        index=["network", "projection"], columns="reference", values="median", sort=False
    )
    typer.echo(cosines.to_string(float_format=lambda value: f"{value:.3f}"))
    typer.echo(f"results in {out}")


def trained(module: nn.Module, dataset: datasets.Dataset, epochs: int) -> nn.Module:
    """The module after `epochs` of Adam on the cross entropy, in batches of 64."""
    x, y = torch.from_numpy(dataset.train_x), torch.from_numpy(dataset.train_y)
    optimiser = torch.optim.Adam(module.parameters(), 1e-3)
    module.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            F.cross_entropy(answer(module, x[batch]), y[batch]).backward()
            optimiser.step()
            if isinstance(module, Recurrent):
                module.contract()
    return module.eval()


def answer(module: nn.Module, x: torch.Tensor, n_steps: int = 10) -> torch.Tensor:
    """What the module says to a constant input, which a recurrent one sees for `n_steps`."""
    return module(x[:, None].expand(-1, n_steps, -1) if isinstance(module, Recurrent) else x)


def as_circuit(module: nn.Module, dataset: datasets.Dataset, feedback: str, seed: int):
    """The rate network, with activities up to about 1 on training images, and the factor on its output."""
    example = dataset.train_x[:500]
    with torch.no_grad():
        highest = float(answer(module, torch.from_numpy(example), 500).abs().max())
    scale = 1 / highest
    return from_torch(module, example, feedback=feedback, normalise=example, output_scale=scale, seed=seed), scale


def answers(
    module, network, scale: float, dataset: datasets.Dataset, tested: int, device: str, seed: int, spikers: int
) -> dict:
    """Accuracies, and the largest differences of probabilities and of logits (after their mean is taken off)."""
    x, y = dataset.test_x[:tested], dataset.test_y[:tested]
    with torch.no_grad():
        theirs = answer(module, torch.from_numpy(x), 500).numpy()
    settled = network.present(x).activity["OutputE"][:, network.circuit.forward_steps - 1]
    ours = settled / scale
    centred = [logits - logits.mean(axis=1, keepdims=True) for logits in (ours, theirs)]  # log softmax shifts them
    spikes = SpikingNetwork(network, on_off=True, device=device, spikers=units(network, spikers)).predict(x, seed=seed)
    return {
        "logits": float(np.abs(centred[0] - centred[1]).max()),
        "probabilities": float(np.abs(softmax(ours, axis=1) - softmax(theirs, axis=1)).max()),
        "torch": float((theirs.argmax(axis=1) == y).mean()),
        "rate": float((network.predict(x) == y).mean()),
        "spikes": float((spikes == y).mean()),
        "n": len(y),
    }


def units(network, spikers: int) -> dict[str, int]:
    """How many units fire for each cell: the input's fire for themselves."""
    return {p.name: spikers for p in network.circuit.populations[1:]}


def updates(
    network, scale: float, dataset: datasets.Dataset, samples: int, device: str, seed: int, spikers: int
) -> pd.DataFrame:
    """Spiking ΔW of single presentations against the rule's own and backprop's."""
    x = dataset.test_x[:samples]
    wrong = np.roll(dataset.test_t[:samples], 1, axis=1)
    settled = network.present(x).activity["OutputE"][:, network.circuit.forward_steps - 1]
    target = cross_entropy_target(settled, wrong, output_scale=scale)
    spiking = simulate(
        network, x, target, loop="closed", on_off=True, n_repeats=2, record=(), device=device, seed=seed,
        spikers=units(network, spikers),
    )  # fmt: skip
    return compare_updates(network.present(x, target), spiking, references=("trained", "backprop"))


def summary(accuracy: pd.DataFrame, medians: pd.DataFrame) -> dict[str, float]:
    found = {
        f"{row.network}.{key}": getattr(row, key)
        for row in accuracy.itertuples()
        for key in ("logits", "torch", "rate", "spikes")
    }
    for row in medians[medians["measure"].isin(["cosine", "noise_ceiling"])].itertuples():
        found[f"{row.network}.{row.projection}.{row.reference}.{row.measure}"] = row.median
    return found


if __name__ == "__main__":
    run_script(main)

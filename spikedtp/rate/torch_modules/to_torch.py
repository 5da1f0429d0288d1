"""`to_torch`: what a rate network answers, as a torch module that can be differentiated and trained."""

from __future__ import annotations

import copy

import torch
from torch import nn

from spikedtp.circuit import Circuit, Population, Projection, bias_key, weight_key
from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity import Bounds, Tied
from spikedtp.rate.backprop_clone import drives_output
from spikedtp.rate.gradient import activate
from spikedtp.rate.network import RateNetwork

__all__ = ["SettlingNetwork", "to_torch"]


def to_torch(network: RateNetwork) -> nn.Module:
    """Make a torch module that answers as a rate network does: x to the settled activity of the output.

    Parameters
    ----------
    network : RateNetwork
        It is not changed, and does not follow what the module learns.

    Returns
    -------
    torch.nn.Module
        It takes (samples, n_in) and gives (samples, n_out), in float32. A chain of populations without bounds and
        masks becomes a
        ``torch.nn.Sequential`` of ``Linear`` and ``ReLU``. Every other circuit becomes a `SettlingNetwork`, which runs
        the settle steps. Dendrites, interneurons that reach no soma of the output, and learning rules stay behind.

    Raises
    ------
    SpikedtpError
        It is no rate network.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from spikedtp import from_torch, load_rate_network, to_torch
    >>> from torch import nn
    >>> to_torch(from_torch(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))))
    Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): ReLU()
      (2): Linear(in_features=3, out_features=2, bias=True)
    )
    >>> network = load_rate_network("digits_dtp", seed=1)
    >>> module, x = to_torch(network), torch.rand(5, 64)  # it has recurrent interneurons
    >>> settled = network.present(x).activity["OutputE"][:, network.circuit.forward_steps - 1]
    >>> bool(np.allclose(module(x).detach(), settled, atol=1e-5))
    True
    """
    if not isinstance(network, RateNetwork):
        raise SpikedtpError(f"to_torch takes a rate network, got {shown(network)}")
    chain = _chain(network.circuit)
    return SettlingNetwork(network) if chain is None else _sequential(network, chain)


def _answering(circuit: Circuit, population: str | None = None) -> list[Projection]:
    """The projections on which the answer, or the activity of `population`, depends."""
    return [p for p in circuit.projections if drives_output(circuit, p, population)]


def _chain(circuit: Circuit) -> list[Projection] | None:
    """The projections from the input to the output if each population has one input: settled, it holds its drive."""
    inputs: dict[str, list[Projection]] = {}
    for p in _answering(circuit):
        inputs.setdefault(p.post, []).append(p)
    found: list[Projection] = []
    post = circuit.output.name
    while post != circuit.input.name:
        if len(inputs.get(post, ())) != 1 or inputs[post][0] in found:
            return None
        (p,) = inputs[post]
        if p.direction != "F":
            return None
        found.insert(0, p)
        post = p.pre
    # in fewer steps it may not have settled, and would answer otherwise
    settles = circuit.tau == 1 and sum(p.delay for p in found) < circuit.forward_steps
    # a layer of torch knows neither masks nor bounds
    free = all(p.constraint is None and p.bounds == Bounds() for p in found)
    free &= all(circuit.population(p.post).activation != "srelu" for p in found)
    return found if settles and free else None


def _sequential(network: RateNetwork, chain: list[Projection]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for p in chain:
        post = network.circuit.population(p.post)
        layer = nn.Linear(network.circuit.population(p.pre).size, post.size, bias=_biased(network, post))
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(network.weights[p.name]))
            if layer.bias is not None:
                layer.bias.copy_(torch.from_numpy(network.biases[p.post]))
        layers += [layer, nn.ReLU()] if post.activation == "relu" else [layer]
    return nn.Sequential(*layers)


def _biased(network: RateNetwork, population: Population) -> bool:
    return population.include_bias or bool(network.biases[population.name].any())


class SettlingNetwork(nn.Module):
    """The settle phase of a rate network, step by step. `to_torch` makes one.

    Parameters
    ----------
    network : RateNetwork
    population : str, optional
        Whose activity it gives, in place of the output's.

    Attributes
    ----------
    weights : ParameterDict
        By projection, ``(n_post, n_pre)``: those on which the answer depends, and that are no copies of others. What
        lies outside the bounds of a projection, such as Dale's law, or outside its mask does not act.
    biases : ParameterDict
        By population, ``(n,)``, for populations with a bias.

    Examples
    --------
    >>> import torch
    >>> from spikedtp import load_rate_network, to_torch
    >>> module = to_torch(load_rate_network("digits_dtp", seed=1))
    >>> module.weights["H2E_H1E"].shape, module(torch.rand(5, 64)).shape
    (torch.Size([200, 200]), torch.Size([5, 10]))
    >>> module.to_rate_network().circuit.name
    'digits_dtp'
    """

    def __init__(self, network: RateNetwork, population: str | None = None):
        super().__init__()
        self._answer = network.circuit.output.name if population is None else population
        self._origin = copy.deepcopy(network)
        circuit = self._circuit = network.circuit
        self._inputs: dict[str, list[Projection]] = {self._answer: []}
        weights, biases = network.weights, network.biases
        self.weights, self.biases = nn.ParameterDict(), nn.ParameterDict()
        for p in _answering(circuit, self._answer):
            self._inputs.setdefault(p.post, []).append(p)
            for source in _sources(circuit, p):
                self.weights[source] = nn.Parameter(torch.from_numpy(weights[source]))
        answering = [p for inputs in self._inputs.values() for p in inputs]
        self._moving = {self._answer, *(name for p in answering for name in (p.post, p.pre))}
        for name, mask in network.masks.items():
            self.register_buffer(f"mask_{name}", torch.from_numpy(mask).to(torch.float32), persistent=False)
        for there in circuit.populations[1:]:
            if there.name in self._moving and _biased(network, there):
                self.biases[there.name] = nn.Parameter(torch.from_numpy(biases[there.name]))

    def forward(self, x: torch.Tensor, backward_steps: int | None = None) -> torch.Tensor:
        """The activity of the output after the settle steps: (samples, n_in) to (samples, n_out).

        Gradients go through all steps, or through the last `backward_steps`.
        """
        circuit = self._circuit
        single = x.ndim == 1
        if x.ndim not in (1, 2) or x.shape[-1] != circuit.input.size:
            raise SpikedtpError(f"x must be (samples, {circuit.input.size}), got {tuple(x.shape)}")
        x = x[None] if single else x
        matrix = {p.name: self._weight(p) for inputs in self._inputs.values() for p in inputs}
        moving = [p for p in circuit.populations[1:] if p.name in self._moving]
        state, now = {}, {circuit.input.name: x}
        for population in moving:
            zero = x.new_zeros(len(x), population.size)
            bias = self.biases[population.name] if population.name in self.biases else zero
            state[population.name] = zero + bias
            now[population.name] = activate(population, state[population.name])
        rest = dict(state)
        past: list[dict[str, torch.Tensor]] = []
        for step in range(1, circuit.forward_steps + 1):
            past.append(dict(now))
            if backward_steps is not None and step == circuit.forward_steps - backward_steps + 1:
                state, now, past = _detached(state), _detached(now), [_detached(before) for before in past]
                now[circuit.input.name] = x
            for population in moving:
                name = population.name
                change = rest[name] - state[name]
                for p in self._inputs.get(name, ()):
                    of_input = p.pre == circuit.input.name
                    if step > p.delay if of_input else p.lag <= step:  # else nothing has arrived yet
                        sent = now if of_input or not p.lag else past[-p.lag]
                        change = change + sent[p.pre] @ matrix[p.name].T
                state[name] = state[name] + change / circuit.tau
                now[name] = activate(population, state[name])
        return now[self._answer][0] if single else now[self._answer]

    def to_rate_network(self) -> RateNetwork:
        """The rate network that it was made from, with the present weights and biases."""
        network = copy.deepcopy(self._origin)
        state = network.state_dict()
        for name in self.weights:
            state[weight_key(name)] = self._weight(network.circuit.projection(name)).detach().cpu()
        for name, values in self.biases.items():
            state[bias_key(name)] = values.detach().cpu()
        for p in network.circuit.projections:  # copies follow their sources
            if isinstance(p.constraint, Tied):
                named = {q.name: state[weight_key(q.name)].numpy() for q in network.circuit.projections}
                state[weight_key(p.name)] = torch.from_numpy(p.constraint.value(named))
        network.load_state_dict(state)
        return network

    def _weight(self, p: Projection) -> torch.Tensor:
        tied = p.constraint
        if not isinstance(tied, Tied):
            mask, (lower, upper) = getattr(self, f"mask_{p.name}", None), p.bounds
            weight = self.weights[p.name] if mask is None else self.weights[p.name] * mask
            return weight if p.bounds == Bounds() else weight.clamp(lower, upper)
        copied = self._weight(self._circuit.projection(tied.source)) * float(tied.factor)
        if tied.source2 is not None:
            copied = copied * self._weight(self._circuit.projection(tied.source2))
        return copied.T if tied.transpose else copied


def _sources(circuit: Circuit, p: Projection) -> list[str]:
    """The projections with weights of their own that decide those of `p`."""
    if not isinstance(p.constraint, Tied):
        return [p.name]
    tied = [name for name in (p.constraint.source, p.constraint.source2) if name is not None]
    return [source for name in tied for source in _sources(circuit, circuit.projection(name))]


def _detached(values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach() for name, value in values.items()}

"""`from_torch`: a rate network that computes what a torch module does, and can learn in spikes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from spikedtp.arrays import as_numbers
from spikedtp.circuit import Circuit
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.parameters import check_whole
from spikedtp.plasticity import LearningRule, Tied
from spikedtp.rate.network import RateNetwork
from spikedtp.rate.torch_modules.circuit_of import FEEDBACKS, Design
from spikedtp.rate.torch_modules.cross_entropy import checked_scale
from spikedtp.rate.torch_modules.layered import OUTPUT, Layered
from spikedtp.rate.torch_modules.trace import layers_of, unwrapped

__all__ = ["from_torch"]

#: Settle steps: as in the published circuits; more where a recurrent network needs them.
STEPS, MOST_STEPS = 15, 960
SETTLED = 1e-8  # of the highest activity: what another round of steps may still change
PERCENTILE = 99.9  # of a layer's activities becomes 1: a single outlier does not decide


def from_torch(
    module: nn.Module,
    example: Any = None,
    *,
    feedback: str = "tied",
    rules: LearningRule | Mapping[str, LearningRule] | None = None,
    dale: bool = False,
    normalise: Any = None,
    output_scale: float = 1.0,
    seed: int = 0,
) -> RateNetwork:
    """Make a rate network that computes what a trained torch module does.

    Parameters
    ----------
    module : torch.nn.Module
        Any program of affine operations and rectifiers that `torch.fx` can trace. A rectified ``nn.RNN`` may be among
        them: its input is then presented until it settles. Dropout is left out, batch normalisation is folded into
        the weights, and so is everything else that is affine. A softmax at the end is left out: its inputs, the
        logits, are the output. Convolutions become projections with a mask; their weights are not shared when they
        learn. The module is copied, not changed.
    example : array or tensor, (samples, ...), optional
        Inputs, for their shape. It is needed where the first layer does not tell the shape, as a convolution.
    feedback : {"tied", "random", "learned"}
        The weights onto the dendrites of hidden populations: the transposed forward weights, which they follow while
        those learn; fixed random ones of the same size; or random ones that learn by `TopDownHebb`.
    rules : LearningRule or mapping, optional
        The rule of every forward projection, or of those that a mapping names. By default it is `DendriticState` in
        one pass, dendritic target propagation. Biases do not learn.
    dale : bool
        Whether every population is split into excitatory cells and inhibitory copies of them, one for each, so that
        each synapse has one sign. Top-down weights are then excitatory: those tied to the excitatory half.
    normalise : array or tensor, (samples, ...), optional
        Inputs on which the activities of hidden layers are brought to the range from 0 to 1 (their 99.9th percentile
        becomes 1). The weights change, and the function does not. Firing rates and learning rules mean activities of
        this range: without it, activities above the highest rate are clipped in spikes.
    output_scale : float
        Factor on the output, above 0. Logits of a trained classifier reach tens, while its errors stay below 1: in
        spikes the noise of the logits would hide them. Which output is largest does not change.
    seed : int
        Of top-down weights that are drawn.

    Returns
    -------
    RateNetwork
        Populations are ``InputE``, ``H1E``, ``H2E``, ... and ``OutputE``. An output behind the last affine operation is
        linear: its activities are the logits.

    Raises
    ------
    SpikedtpError
        The module cannot be traced, or has a layer without counterpart (the message names it), or a recurrent network
        that does not settle.

    References
    ----------
    Sacramento, Costa, Bengio & Senn 2018, NeurIPS (interneurons that predict the layer above); Galloni, Peddada,
    Chennawar & Milstein 2026, Cell Reports 45:117159 (dendritic target propagation); Diehl et al. 2015, IJCNN
    (normalisation on data).

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from torch import nn
    >>> from spikedtp import from_torch
    >>> _ = torch.manual_seed(1)
    >>> perceptron = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 3)).eval()
    >>> network = from_torch(perceptron)
    >>> x = torch.rand(5, 8)
    >>> logits = network.present(x).activity["OutputE"][:, -1]
    >>> bool(np.allclose(logits, perceptron(x).detach(), atol=1e-5))
    True
    >>> sorted(network.weight_updates(x[0], np.eye(3)[1], constrained=False))[-2:]
    ['H1E_OutputE', 'OutputE_H1E']
    """
    if feedback not in FEEDBACKS:
        raise known_names("feedback", feedback, FEEDBACKS)
    seed = check_whole("seed", seed)
    if not isinstance(dale, bool):
        raise SpikedtpError(f"dale must be true or false, got {shown(dale)}")
    module = unwrapped(module)
    shape = None if example is None else _samples("example", example).shape[1:]
    layered = layers_of(module, shape)
    if normalise is not None:
        layered = _normalised(layered, _samples("normalise", normalise))
    layered = layered.scaled({OUTPUT: 1 / checked_scale(output_scale)})
    steps = _steps(layered)
    circuit, numbers = Design(layered, feedback, dale, seed).circuit(type(module).__name__, steps)
    return RateNetwork(_with_rules(circuit, rules), numbers)


def _samples(name: str, values: Any) -> np.ndarray:
    array = as_numbers(name, values)
    if array.ndim < 2 or not array.size:
        raise SpikedtpError(f"{name} must be a batch of inputs, (samples, ...), got the shape {array.shape}")
    return array


def _normalised(layered: Layered, x: np.ndarray) -> Layered:
    x = x.reshape(len(x), -1)
    if x.shape[1] != layered.n_inputs:
        raise SpikedtpError(f"normalise has {x.shape[1]} numbers for each sample, the module takes {layered.n_inputs}")
    activity = layered.activity(x, MOST_STEPS if layered.recurrent else 1)
    hidden = [name for name in layered.layers if name != OUTPUT]
    highest = {name: float(np.percentile(activity[name], PERCENTILE)) for name in hidden}
    return layered.scaled({name: value for name, value in highest.items() if value > 0})


def _steps(layered: Layered) -> int:
    """Settle steps after which nothing changes any more."""
    steps = max(STEPS, 2 * layered.depth + 2)
    if not layered.recurrent:
        return steps
    x = np.random.default_rng(1).uniform(size=(8, layered.n_inputs))
    now = layered.activity(x, steps)
    while steps <= MOST_STEPS:
        later = layered.activity(x, 2 * steps)
        change = max(float(np.abs(later[name] - now[name]).max()) for name in now)
        if change <= SETTLED * max(float(np.abs(values).max()) for values in now.values()):
            return steps
        now, steps = later, 2 * steps
    raise SpikedtpError(
        f"the recurrent network has not settled after {MOST_STEPS} steps of a constant input: its recurrence is too "
        "strong (the largest eigenvalue of what is active must lie below 1)"
    )


def _with_rules(circuit: Circuit, rules: Any) -> Circuit:
    if rules is None:
        return circuit
    learned = [p.name for p in circuit.projections if p.rule is not None and p.compartment == "soma"]
    if isinstance(rules, LearningRule):
        return circuit.with_rules(dict.fromkeys(learned, rules))
    if not isinstance(rules, Mapping):
        raise SpikedtpError(f"rules must be a learning rule, or a mapping of projections to rules, got {shown(rules)}")
    for name, rule in rules.items():
        if not isinstance(rule, LearningRule):
            raise SpikedtpError(f"rules[{shown(name)}] must be a learning rule, got {shown(rule)}")
        if isinstance(circuit.projection(name).constraint, Tied):
            raise SpikedtpError(f"rules[{shown(name)}]: these weights are copies, which do not learn by themselves")
    return circuit.with_rules(rules)

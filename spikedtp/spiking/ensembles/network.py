"""`BurstpropEnsembles`: a network of ensembles that learns by Burstprop, and answers with counts of events."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, ms
from numpy.typing import ArrayLike

from spikedtp.arrays import as_indices, as_numbers
from spikedtp.errors import SpikedtpError, shown
from spikedtp.parameters import check_quantity, check_whole
from spikedtp.plasticity.burst_rates import BurstpropRates, WeightChanges
from spikedtp.spiking.engine.batch import Progress, RunInputs, RunResults
from spikedtp.spiking.engine.devices import check_device, default_device
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.ensembles.build import Plan, build_ensembles
from spikedtp.summaries import Summarised

__all__ = ["BurstpropEnsembles"]

FEWEST = 10
#: Which random numbers: of samples that are learned from, answered, or compared.
LEARNING, ANSWERING, COMPARING = 1, 2, 3


class BurstpropEnsembles(Summarised):
    """The network of `BurstpropNetwork` in spikes: each unit is an ensemble of cells.

    A cell fires events as a Poisson process whose rate is `rate` times the event rate of its unit, and each event
    becomes a burst with the burst probability of the unit. Events of a layer go to the somata above it, bursts to the
    dendrites below it. The softmax of the outputs comes from inhibition that counts their events. A synapse sees the
    events and bursts of its two ensembles, and their running averages.

    Parameters
    ----------
    network : BurstpropNetwork
        Sizes, first weights and biases, feedback and rule. The rule's `dt` has no meaning here. Feedback stays as it
        is: if it is transposed, it is that of the first weights.
    cells : int
        Of each unit, at least 10.
    rate : Quantity (Hz)
        Of a cell of a unit whose event rate is 1.
    time_unit : Quantity (second)
        The time that is 1 in the rule.
    dt : Quantity (second)
    seed : int
        Of spikes.
    device : {"cpp_standalone", "runtime"}, optional
        By default C++ where it compiles.

    Attributes
    ----------
    weights : list of (n_post, n_pre)
    biases : list of (n_post,)
    learned : int
        Samples that were learned from.

    Raises
    ------
    SpikedtpError

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp.plasticity import BurstpropRates, WeightChanges
    >>> from spikedtp.rate import BurstpropNetwork
    >>> from spikedtp.spiking import BurstpropEnsembles
    >>> network = BurstpropNetwork((6, 5, 2), rule=BurstpropRates(prediction=2.0), feedback_scale=1.0)
    >>> ensembles = BurstpropEnsembles(network, cells=20, time_unit=20 * ms, device="runtime")
    >>> classes = ensembles.train(np.eye(6)[:4], [0, 1, 0, 1])
    >>> ensembles.weights[0].shape, ensembles.predict(np.eye(6)[:3]).shape
    ((5, 6), (3,))
    """

    def __init__(
        self,
        network: Any,
        *,
        cells: int = 50,
        rate: Quantity = 50 * Hz,
        time_unit: Quantity = 40 * ms,
        dt: Quantity = 1 * ms,
        seed: int = 0,
        device: str | None = None,
    ):
        own = type(self).__name__
        rule = getattr(network, "rule", None)
        if not isinstance(rule, BurstpropRates):
            raise SpikedtpError(f"{own}: network must be a BurstpropNetwork, got {shown(network)}")
        if rule.weight_decay or getattr(network, "feedback_kind", "") == "learned":
            raise SpikedtpError(
                f"{own}: has no weight_decay and no feedback that is learned: use 'random' or 'transposed' feedback"
            )
        if check_whole(f"{own}: cells", cells, least=1) < FEWEST:
            raise SpikedtpError(
                f"{own}: ensembles of {cells} cells are too small for a population rate: use at least {FEWEST}"
            )
        check_quantity(own, "rate", rate, 50 * Hz, above=0 * Hz)
        for name, time in (("time_unit", time_unit), ("dt", dt)):
            check_quantity(own, name, time, 1 * ms, above=0 * ms)
        if float(rate * dt) > 0.1:
            raise SpikedtpError(
                f"{own}.rate must be at most {0.1 / dt} for dt = {dt}, got {rate}: a step has one event"
            )
        for name in ("tau_z", "tau_u", "tau_avg", "prediction", "teaching"):
            steps = getattr(rule, name) * float(time_unit / dt)
            if steps < 1 or (name in ("prediction", "teaching") and abs(steps - round(steps)) > 1e-6):
                raise SpikedtpError(
                    f"{own}: {name} = {getattr(rule, name):g} is {steps:g} time steps, and must be "
                    f"{'a whole number of them' if steps >= 1 else 'at least one'}: change time_unit or dt"
                )
        weights, biases = ([np.array(a, dtype=float) for a in each] for each in (network.weights, network.biases))
        self._plan = Plan(rule, weights, biases, network.back(), cells, float(rate), float(time_unit), dt)
        self.seed, self.learned = check_whole("seed", seed), 0
        self.device = check_device(device or default_device())
        self.timings: dict[str, float] = {}

    @property
    def weights(self) -> list[np.ndarray]:
        return self._plan.weights

    @property
    def biases(self) -> list[np.ndarray]:
        return self._plan.biases

    def train(
        self, x: ArrayLike, y: ArrayLike, *, rate_factor: ArrayLike = 1.0, progress: Progress | None = None
    ) -> np.ndarray:
        """Learn from samples in the given order, in place. Several calls give the same result as one with all samples.

        Parameters
        ----------
        x : (samples, n_in)
            Event rates of the inputs, from 0 to 1 / (rate dt).
        y : (samples,) int, or (samples, n_out)
            Classes, or the probabilities of classes.
        rate_factor : float or (samples,)
            Factor on the learning rate.
        progress : callable, optional
            It is called with the number of samples that are done.

        Returns
        -------
        (samples,) int
            The class of each sample before it was learned from, as `predict` gives it.
        """
        samples = self._samples(x)
        n, target, factors = len(samples), self._targets(y, len(samples)), as_numbers("rate_factor", rate_factor)
        if factors.shape not in ((), (n,)) or factors.min() < 0:
            raise SpikedtpError(f"rate_factor must be a number of at least 0, or one for each of {n} samples")
        results = self._run(samples, target, np.broadcast_to(factors, n), LEARNING, self.learned, 0, progress)
        weights, biases = self._kept(results)
        self._plan = replace(self._plan, weights=[w[-1] for w in weights], biases=[b[-1] for b in biases])
        self.learned += n
        return results.vectors[f"votes{len(self.weights) - 1}"].argmax(axis=1)

    def predict(self, x: ArrayLike, *, first: int = 0) -> np.ndarray:
        """Classes of samples, ``(samples,)``: the outputs with most events in the second half of the prediction.

        Random numbers depend on the number of the sample, from `first` on.
        """
        return self.event_rates(x, first=first)[-1].argmax(axis=1)

    def event_rates(self, x: ArrayLike, *, first: int = 0) -> list[np.ndarray]:
        """Event rates of each layer above the input in the second half of the prediction, ``(samples, n)``."""
        samples = self._samples(x)
        target = np.zeros((len(samples), self._plan.sizes[-1]))
        results = self._run(samples, target, np.zeros(len(samples)), ANSWERING, first, 0, None)
        steps = self._plan.n_prediction - self._plan.n_prediction // 2
        return [results.vectors[f"votes{k}"] / steps for k in range(len(self.weights))]

    def delta_w(self, x: ArrayLike, y: ArrayLike, *, first: int = 0) -> WeightChanges:
        """What each sample by itself changes.

        The network stays as it is. `first` is the number of the first sample, of which the random numbers depend: with
        others the same samples give another draw.
        """
        tiny, samples = 1e-6, self._samples(x)
        target = self._targets(y, len(samples))
        results = self._run(samples, target, np.full(len(samples), tiny), COMPARING, first, 1, None)
        befores = (self._plan.weights, self._plan.biases)
        weights, biases = (
            [np.diff(np.concatenate([start[None], after]), axis=0) / tiny for start, after in zip(*pair, strict=True)]
            for pair in zip(befores, self._kept(results), strict=True)
        )
        return WeightChanges(weights, biases)

    def _run(
        self, x: np.ndarray, target: np.ndarray, learns: np.ndarray, kind: int, first: int, keep_every: int,
        progress: Progress | None,
    ) -> RunResults:  # fmt: skip
        seeds = [np.random.SeedSequence([self.seed, kind, first + k]).generate_state(1)[0] for k in range(len(x))]
        patterns = {"x": x, "target": target, "learns": learns[:, None]}
        data = RunInputs(patterns, np.arange(len(x)), np.array(seeds, dtype=np.int64), keep_every=keep_every)
        results = run_on(self.device, partial(build_ensembles, self._plan), data, progress)
        self.timings = results.timings
        return results

    def _kept(self, results: RunResults) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Weights and biases at the times at which they were kept."""
        weights, biases = [], []
        for k, w in enumerate(self._plan.weights):
            rows = results.lasting[f"w{k}"].reshape(-1, w.shape[1], results.lasting[f"w{k}"].shape[1] // w.shape[1])
            weights.append(np.ascontiguousarray(rows[..., : len(w)].swapaxes(1, 2)))
            biases.append(np.array(results.lasting[f"bias{k}"]))
        return weights, biases

    def _samples(self, x: ArrayLike) -> np.ndarray:
        n, highest = self._plan.sizes[0], 1 / self._plan.chance
        found = as_numbers("x", x)
        if found.ndim != 2 or found.shape[1] != n or not len(found):
            raise SpikedtpError(f"x must be (samples, {n}), got {found.shape}")
        if found.min() < 0 or found.max() > highest:
            raise SpikedtpError(f"x must be event rates from 0 to {highest:g}, got {found.min():g} to {found.max():g}")
        return found

    def _targets(self, y: Any, samples: int) -> np.ndarray:
        n = self._plan.sizes[-1]
        target = np.eye(n)[as_indices("y", y, n, "classes")] if np.ndim(y) == 1 else as_numbers("y", y)
        if target.shape != (samples, n) or target.min() < 0 or target.max() > 1:
            raise SpikedtpError(f"y must be {samples} classes or ({samples}, {n}) probabilities, got {target.shape}")
        return target

    def _headline(self) -> str:
        sizes = "-".join(map(str, self._plan.sizes))
        return f"{sizes} units of {self._plan.cells} cells, learned from {self.learned:,} samples"

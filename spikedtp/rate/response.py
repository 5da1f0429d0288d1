"""The response of a rate network: activities, dendritic states, plateaus, and the weight change of each rule.

All arrays are plain numpy. Weight changes are kept as their factors, and ΔW is made when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.circuit import Circuit, Population
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity import DendriticState, Signals
from spikedtp.plasticity.signals import outer
from spikedtp.rate.backprop_clone import drives_output
from spikedtp.summaries import Summarised, counted, shapes

__all__ = ["NotebookFactors", "RateResponse"]


@dataclass(frozen=True)
class NotebookFactors:
    """The state where Figure 3 ends: dendrite (not clipped) and gate by population, activity by projection."""

    dendrite: dict[str, np.ndarray] = field(default_factory=dict)
    gate: dict[str, np.ndarray] = field(default_factory=dict)
    pre: dict[str, np.ndarray] = field(default_factory=dict)


class RateWeightUpdates(Summarised, Mapping[str, np.ndarray]):
    """`RateResponse.weight_updates`: computed on each access."""

    def __init__(self, response: RateResponse):
        self._response = response

    def __getitem__(self, projection: str) -> np.ndarray:
        if projection not in self._response.learned:
            raise KeyError(projection)
        return self._response.updates(projection)

    def __iter__(self) -> Iterator[str]:
        return iter(self._response.learned)

    def __len__(self) -> int:
        return len(self._response.learned)

    def _headline(self) -> str:
        return f"ΔW of {counted(len(self), 'projection')}, computed when it is asked for"

    def _parts(self) -> dict[str, str]:
        return {"ΔW": self._response._shapes_of_updates()}


@dataclass(frozen=True, repr=False)
class RateResponse(Summarised):
    """The response to one presentation, or to a batch with a leading sample axis everywhere. All arrays are float32.

    Attributes
    ----------
    circuit : Circuit
    x, target : ndarray, (n_in,), (n_out,)
        What was presented. `target` is None if there was none.
    activity : dict of ndarray, (steps, n)
        Activities by population, the input too. The settle steps come first, then the nudge steps.
    dendritic_state : dict of ndarray, (steps, n)
        Dendritic states by population with a dendrite, not clipped. F inputs are those of the present step, R inputs
        those of the step before.
    nudge_dendritic_state : dict of ndarray, (nudge steps, n)
        Dendritic states clipped to ±1, as the nudge phase itself used them, layer by layer from the top.
    plateau : dict of ndarray, (n,)
        Plateaus by population.
    bias_updates : dict of ndarray, (n,)
        What the rule of each bias that learns changes, by population.
    signals : dict of Signals
        What the rule of each projection saw. It is empty without a target.
    forward_steps, nudge_steps : int
        How many steps the two phases had.
    nudge_populations : {"training", "all"}
        As in `RateNetwork.present`.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> response = network.present(x, target)
    >>> response.activity["H2E"].shape, response.forward_steps, response.nudge_steps
    ((16, 200), 15, 1)
    >>> response.weight_updates["H2E_H1E"].shape
    (200, 200)
    """

    circuit: Circuit
    x: np.ndarray
    target: np.ndarray | None
    activity: dict[str, np.ndarray]
    dendritic_state: dict[str, np.ndarray]
    nudge_dendritic_state: dict[str, np.ndarray]
    plateau: dict[str, np.ndarray]
    signals: dict[str, Signals]
    forward_steps: int
    nudge_steps: int
    nudge_populations: str
    _state: dict[str, dict[str, np.ndarray]]
    _masks: dict[str, np.ndarray]
    _weights: dict[str, np.ndarray]
    _gradient: Callable[[str, int | None], np.ndarray] | None
    _notebook: NotebookFactors
    _backprop: Callable[[str, int | None], np.ndarray] | None = None

    def _headline(self) -> str:
        shown = "one presentation" if self.n_samples is None else counted(self.n_samples, "sample")
        nudge = counted(self.nudge_steps, "nudge step") if self.nudge_steps else "no nudge"
        return f"{shown} in {self.circuit.name}, {counted(self.forward_steps, 'settle step')} and {nudge}"

    def _parts(self) -> dict[str, str]:
        parts = {"x": str(self.x.shape), "target": "none" if self.target is None else str(self.target.shape)}
        for name in ("activity", "dendritic_state", "nudge_dendritic_state", "plateau"):
            parts[name] = shapes(getattr(self, name))
        return parts | {"weight_updates": self._shapes_of_updates()}

    def _shapes_of_updates(self) -> str:
        leading = () if self.n_samples is None else (self.n_samples,)
        sizes = {name: self.circuit.shape(name) for name in self.learned}
        return shapes({name: (*leading, *size) for name, size in sizes.items()}, own=2)

    @property
    def n_samples(self) -> int | None:
        """How many samples the batch has; None for a single presentation."""
        return len(self.x) if self.x.ndim == 2 else None

    @property
    def learned(self) -> tuple[str, ...]:
        """The projections with a learning rule. There are none without a target."""
        return tuple(p.name for p in self.circuit.projections if p.rule is not None) if self.signals else ()

    @property
    def weight_updates(self) -> Mapping[str, np.ndarray]:
        """`updates` of every learned projection, computed when it is asked for."""
        return RateWeightUpdates(self)

    @underflow_is_zero
    def updates(self, projection: str, sample: int | None = None) -> np.ndarray:
        """The rule's own ΔW at the weights of this presentation, without bounds and constraints.

        It is 0 where a sparse projection has no synapse.

        Parameters
        ----------
        projection : str
            E.g. ``"H2E_H1E"``.
        sample : int, optional
            One sample of a batch. By default all samples are used.

        Returns
        -------
        ndarray, (n_post, n_pre) or (samples, n_post, n_pre)

        Raises
        ------
        SpikedtpError
            There is no such projection, it has no rule, or no target was given.
        """
        rule = self._projection(projection).rule
        if rule is None:
            raise SpikedtpError(f"{projection} has no learning rule; those with one are {', '.join(self.learned)}")
        if rule.needs_gradient:
            assert self._gradient is not None  # kept where a rule asks for it
            if sample is None and self.n_samples is not None:
                return np.stack([self.updates(projection, each) for each in range(self.n_samples)])
            signals = replace(self._of(projection, sample), gradient=self._gradient(projection, sample))
        else:
            signals = self._of(projection, sample)
        change = rule.update(signals, self._weights.get(projection), self._state[projection])
        return self._existing(projection, np.asarray(change, dtype=np.float32))

    @property
    def bias_updates(self) -> dict[str, np.ndarray]:
        """The change of each bias that learns, without bounds: ``(n,)`` or ``(samples, n)``, by population.

        Raises
        ------
        SpikedtpError
            No target was given.
        """
        if self.target is None:
            raise SpikedtpError("no changes of biases without a target: call present(x, target)")
        return {p.name: self._bias_update(p) for p in self.circuit.populations if p.bias_rule is not None}

    @underflow_is_zero
    def _bias_update(self, population: Population) -> np.ndarray:
        rule, name, slope = population.bias_rule, population.name, None
        assert rule is not None
        if rule.needs_gradient:
            assert self._gradient is not None  # kept where a rule asks for it
            samples = [None] if self.n_samples is None else range(self.n_samples)
            slope = np.stack([self._gradient(name, sample) for sample in samples])
            slope = slope[0] if self.n_samples is None else slope
        return np.asarray(rule.update(self.plateau.get(name), slope), dtype=np.float32)

    @underflow_is_zero
    def notebook_update(self, projection: str, sample: int | None = None) -> np.ndarray | None:
        """ΔW as the notebook behind Figure 3 computes it: lr · gate · d(end) ⊗ a_pre(end).

        The end is the tenth nudge step, where the 420 ms of the figure end, or the last step of a shorter phase. Every
        population is updated in this phase. d is the dendritic state, not clipped. The gate is 1 where the settled
        activity is above 0, else 0.

        Returns
        -------
        ndarray, (n_post, n_pre) or (samples, n_post, n_pre), or None
            It is None unless the rule is `DendriticState` and the cells have a dendrite.
        """
        described = self._projection(projection)
        rule, post, kept = described.rule, described.post, self._notebook
        if not isinstance(rule, DendriticState) or post not in kept.dendrite:
            return None
        one = slice(None) if sample is None else self._check(sample)
        instructed = rule.learning_rate * kept.gate[post][one] * kept.dendrite[post][one]
        return self._existing(projection, outer(instructed, kept.pre[projection][one]).astype(np.float32))

    def _existing(self, projection: str, change: np.ndarray) -> np.ndarray:
        """0 where there is no synapse."""
        mask = self._masks.get(projection)
        return change if mask is None else change * mask

    @underflow_is_zero
    def backprop_update(self, projection: str, sample: int | None = None) -> np.ndarray | None:
        """ΔW that a step against the gradient of the mean squared error of the output would be, -lr · ∂L/∂W.

        The gradient goes through the last `backward_steps` settle steps, or through 3 in a circuit that has none, and
        in them through all inputs of somas.

        Returns
        -------
        ndarray, (n_post, n_pre) or (samples, n_post, n_pre), or None
            It is None where no soma of the output depends on these weights, as for the inputs of a dendrite.
        """
        described = self._projection(projection)
        if described.rule is None or not drives_output(self.circuit, described):
            return None
        assert self._backprop is not None  # there is a target
        if sample is None and self.n_samples is not None:
            slope = np.stack([self._backprop(projection, each) for each in range(self.n_samples)])
        else:
            slope = self._backprop(projection, None if sample is None else self._check(sample))
        return self._existing(projection, (-described.rule.learning_rate * slope).astype(np.float32))

    def _projection(self, name: str) -> Any:
        if self.target is None:
            raise SpikedtpError("no weight changes without a target: call present(x, target)")
        for projection in self.circuit.projections:
            if projection.name == name:
                return projection
        raise known_names("projection", name, self.learned)

    def _check(self, sample: int) -> int:
        if self.n_samples is None or not -self.n_samples <= sample < self.n_samples:
            raise SpikedtpError(
                f"there is no sample {sample}: the response has {self.n_samples or 'no batch of'} samples"
            )
        return sample

    def _of(self, projection: str, sample: int | None) -> Signals:
        signals = self.signals[projection]
        if sample is None:
            return signals
        one = self._check(sample)
        return Signals(**{name: None if v is None else v[one] for name, v in vars(signals).items()})

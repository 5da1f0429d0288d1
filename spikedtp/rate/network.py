"""The rate network: presents samples, changes weights online, predicts. Phases, rules and formats live elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.linalg.blas import sger

from spikedtp.arrays import as_indices
from spikedtp.circuit import Circuit, Projection, bias_key, instructed_cells, weight_key
from spikedtp.errors import SpikedtpError, shown
from spikedtp.locks import Lock
from spikedtp.plasticity import Factors, Signals, Tied
from spikedtp.rate.checks import check_rate_form, sample_array
from spikedtp.rate.gradient import gradients, needs_gradient, starting_point
from spikedtp.rate.initial_weights import DrawnWeights
from spikedtp.rate.phases import Program
from spikedtp.rate.recording import respond
from spikedtp.rate.response import RateResponse
from spikedtp.rate.state import read_parameters
from spikedtp.rate.tasks import Consolidations, Seen
from spikedtp.rate.threads import one_thread
from spikedtp.rate.weights import WeightStore
from spikedtp.summaries import Summarised

__all__ = ["RateNetwork"]

_PREDICT_BATCH = 256  # samples at a time: the activity buffers of a batch stay in the cache's neighbourhood
_KEPT_PROGRAMS = 8


class RateNetwork(Summarised):
    """A circuit with weights, in float32. `load_rate_network` makes one.

    Threads may share it. One of them at a time works in it, and all arrays that it returns are copies. A copy of the
    network is independent of it.

    Attributes
    ----------
    circuit : Circuit
    rule_state : dict of dict of ndarray
        What the rule of each projection remembers from one presentation to the next, by projection. What its
        consolidation remembers stands there, too.
    task : int
        How many tasks have ended (`end_task`).

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network
    >>> network = load_rate_network("digits_dtp", seed=1)
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> changes = network.weight_updates(x, target)  # the network stays as it is
    >>> before = network.weights["H2E_H1E"]
    >>> network.train_step(x, target)
    >>> bool(np.allclose(network.weights["H2E_H1E"], before + changes["H2E_H1E"]))
    True
    >>> network.predict(x[None]).shape
    (1,)
    """

    def __init__(self, circuit: Circuit, parameters: DrawnWeights):
        check_rate_form(circuit)
        self.circuit = circuit
        self._store = WeightStore(circuit, parameters)
        self._store.constrain_all()
        self._gradient = needs_gradient(circuit)
        self._learned = tuple(p for p in circuit.projections if p.rule is not None)
        self._constrained = tuple(p for p in self._learned if not isinstance(p.constraint, Tied))
        self._programs: dict[tuple, Program] = {}
        self._last_dendrites: dict[str, np.ndarray] = {}
        self._lock = Lock()
        self._scratch: dict[str, np.ndarray] = {}
        self._consolidations = Consolidations(circuit)
        self.task = 0
        self.rule_state: dict[str, dict[str, np.ndarray]] = {}
        self.reset_rules()

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            rule_state = {name: dict(state) for name, state in self.rule_state.items()}
            own = {"_store": copy(self._store), "_consolidations": copy(self._consolidations), "rule_state": rule_state}
            own |= {"_programs": {}, "_scratch": {}}
            return self.__dict__ | own | {"_lock": Lock()}

    def _headline(self) -> str:
        return self.circuit._headline()

    def _parts(self) -> dict[str, str]:
        return {"weights": "float32, on the CPU", **self.circuit._parts()}

    # -- parameters ----------------------------------------------------------------------------------------------

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Copies of the weights by projection, ``(n_post, n_pre)`` float32."""
        with self._lock:
            return self._store.snapshot().weights

    @property
    def masks(self) -> dict[str, np.ndarray]:
        """Where there are synapses, ``(n_post, n_pre)`` bool, by sparse projection (`Mask`, `ReceptiveFields`)."""
        with self._lock:
            return {name: mask != 0 for name, mask in self._store.masks.items()}

    @property
    def biases(self) -> dict[str, np.ndarray]:
        """Copies of the biases by population, ``(n,)`` float32. The input has none."""
        with self._lock:
            return self._store.snapshot().biases

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Weights and biases under EIANN's key names."""
        with self._lock:
            now = self._store.snapshot()
        state = {weight_key(name): torch.from_numpy(weight) for name, weight in now.weights.items()}
        return state | {bias_key(name): torch.from_numpy(bias) for name, bias in now.biases.items()}

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Replace all weights and biases and reset the rules. Raises `SpikedtpError` where anything does not fit."""
        parameters = read_parameters(self.circuit, values)
        with self._at_work():
            self._store.load(parameters)
            self._programs.clear()
            self.reset_rules()

    def save(self, path: str | Path) -> None:
        """Write weights and biases to a file that `load_rate_network` reads. It appears whole or not at all.

        Parameters
        ----------
        path : str or Path
            Its name says in which format: ``.pt`` or ``.pth`` (a torch state dict), ``.safetensors``, or ``.npz``. All
            have EIANN's key names and float32 numbers.

        Raises
        ------
        SpikedtpError
            The name ends differently, a weight is NaN or infinite, or the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from spikedtp import load_rate_network
        >>> network = load_rate_network("digits_dtp", seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     network.save(f"{folder}/weights.safetensors")
        ...     again = load_rate_network("digits_dtp", f"{folder}/weights.safetensors")
        >>> bool((again.weights["H2E_H1E"] == network.weights["H2E_H1E"]).all())
        True
        """
        from spikedtp.rate.checkpoints import write_weights  # only here: the network knows no formats of files

        write_weights(path, self.state_dict())

    def reset_rules(self) -> None:
        """Forget what the rules remember of earlier presentations, and consolidations of earlier tasks."""
        with self._lock:
            self.task = 0
            self._consolidations.forget()
            for p in self._learned:
                weight = self._store.weights[p.name]
                kept = self._consolidations.initial_state(p.name, weight)
                self.rule_state[p.name] = p.learned_by.initial_state(*weight.shape) | kept

    # -- presenting ----------------------------------------------------------------------------------------------

    def present(self, x: Any, target: Any = None, *, nudge_populations: str = "training") -> RateResponse:
        """Present a sample or a batch without learning.

        Parameters
        ----------
        x : array, (n_in,) or (samples, n_in)
        target : array, (n_out,) or (samples, n_out), optional
            With a target the nudge phase follows the settle phase.
        nudge_populations : {"training", "all"}
            Which populations take the steps of an equilibrated nudge phase: those that training updates (the output,
            and populations with a projection of update phase B or A), or all of them as in the notebook behind Figure
            3. Weight changes do not depend on it.

        Returns
        -------
        RateResponse

        Raises
        ------
        SpikedtpError
            Sizes are wrong, or numbers are not finite.
        """
        if nudge_populations not in ("training", "all"):
            raise SpikedtpError(f'nudge_populations must be "training" or "all", got {nudge_populations!r}')
        x, target = self._samples(x, target)
        everyone = nudge_populations == "all"
        with self._at_work():
            program = full = self._run(x, target, everyone=everyone, record=True)
            if program.kind == "equilibrated" and not everyone:
                full = self._run(x, target, everyone=True, record=True)
            self._store.write_tied()
            return respond(program, full, self._store, self.rule_state)

    def predict(self, X: Any, *, among: Sequence[int] | None = None) -> np.ndarray:
        """The most active output cell for each row of X, ``(samples, n_in)`` -> ``(samples,)`` int64.

        `among` are the cells that may answer, such as the classes of one task; by default all may.
        """
        choices = as_indices(
            "among", range(self.circuit.output.size) if among is None else among, self.circuit.output.size, "classes"
        )
        x, _ = self._samples(X, None)
        x = x if x.ndim == 2 else x[None]
        found = np.empty(len(x), dtype=np.int64)
        output = self.circuit.output.name
        with self._at_work():
            for start in range(0, len(x), _PREDICT_BATCH):
                part = x[start : start + _PREDICT_BATCH]
                program = self._run(part, None)
                settled = program.activity(output, program.settled[output])
                found[start : start + len(part)] = choices[settled[choices].argmax(axis=0)]
        return found

    # -- learning ------------------------------------------------------------------------------------------------

    def train_step(self, x: Any, target: Any, *, rate_factor: float = 1.0) -> None:
        """Learn from one sample: present it, change weights and biases, and apply bounds, constraints and tied copies.

        Parameters
        ----------
        x, target : array, (n_in,), (n_out,)
        rate_factor : float
            Factor on every learning rate, for schedules.
        """
        if not isinstance(rate_factor, Real) or not math.isfinite(rate_factor):
            raise SpikedtpError(f"rate_factor must be one finite number, got {shown(rate_factor)}")
        x, target = self._samples(x, target, need_target=True)
        if x.ndim == 2:
            if len(x) != 1:
                raise SpikedtpError(f"train_step takes one sample, got {len(x)}: learning is online")
            x, target = x[0], target[0]
        with self._at_work():
            program = self._step(x, target, rate_factor)
            self._consolidations.see(x, target)
            self._last_dendrites = {name: values.copy() for name, values in program.dendrite_settled.items()}

    def weight_updates(self, x: Any, target: Any, *, constrained: bool = True) -> dict[str, np.ndarray]:
        """What one online step would add to each projection. The network is not changed.

        Parameters
        ----------
        x, target : array, (n_in,), (n_out,), or with a leading sample axis
        constrained : bool
            Whether bounds, constraints and tied copies act. Without them these are the rules' own changes, which are 0
            in projections without a rule.

        Returns
        -------
        dict of ndarray, (n_post, n_pre)
            A batch has a leading sample axis. Each sample then begins from the same weights and rule state.
        """
        x, target = self._samples(x, target, need_target=True)
        if x.ndim == 2:
            with self._lock:
                each = [self.weight_updates(a, b, constrained=constrained) for a, b in zip(x, target, strict=True)]
            return {p.name: np.stack([one[p.name] for one in each]) for p in self.circuit.projections}
        if not constrained:
            response = self.present(x, target)
            return {
                p.name: np.zeros_like(self._store.weights[p.name]) if p.rule is None else response.updates(p.name)
                for p in self.circuit.projections
            }
        with self._at_work():
            before, rule_state = self._store.snapshot(), dict(self.rule_state)
            try:
                self._step(x, target, 1.0)
                after = self._store.snapshot().weights
            finally:
                self._store.load(before)
                self.rule_state = rule_state
                if self._store.has_own_values:
                    self._programs.clear()
        return {name: after[name] - before.weights[name] for name in after}

    def end_task(self) -> None:
        """Tell the network that a task has ended: its synapses are consolidated, and the next task begins.

        Without consolidation and `Circuit.task_classes` this only counts.

        Examples
        --------
        >>> import numpy as np
        >>> from dataclasses import replace
        >>> from spikedtp import load_rate_network
        >>> from spikedtp.circuit import read_circuit
        >>> from spikedtp.plasticity import SynapticIntelligence
        >>> circuit = read_circuit("digits_dtp")
        >>> kept = [
        ...     replace(p, consolidation=SynapticIntelligence()) if p.name == "OutputE_H2E" else p
        ...     for p in circuit.projections
        ... ]
        >>> network = load_rate_network(replace(circuit, projections=kept), seed=1)
        >>> network.train_step(np.full(64, 0.2), np.eye(10)[3])
        >>> network.end_task()
        >>> network.task, bool(network.rule_state["OutputE_H2E"]["importance"].any())
        (1, True)
        """
        with self._at_work():
            after = self._consolidations.after_task(self.rule_state, self._store.weights, self._shown)
            for name, state in after.items():
                self.rule_state[name] = self.rule_state[name] | state
            self.task += 1

    def _shown(self, seen: Seen) -> Callable[[Projection], Signals]:
        """Show a sample without learning from it."""
        program = self._run(seen.x, seen.target)
        slopes, _ = self._slopes(program)
        return lambda p: self._signals(p, program, slopes)

    @property
    def last_dendritic_state(self) -> dict[str, np.ndarray]:
        """Forward dendritic state, not clipped, of the last sample that `train_step` saw, by population, ``(n,)``."""
        with self._lock:
            return {name: values.copy() for name, values in self._last_dendrites.items()}

    def _step(self, x: np.ndarray, target: np.ndarray, rate_factor: float) -> Program:
        program = self._run(x, target)
        slopes, bias_slopes = self._slopes(program)
        # all changes from the weights before the step
        changes = [(p, self._change(p, self._signals(p, program, slopes))) for p in self._learned]
        bias_changes = [
            (p.name, p.bias_rule.update(program.plateau.get(p.name), bias_slopes.get(p.name)))
            for p in self.circuit.populations
            if p.bias_rule is not None
        ]
        before = {name: self._store.weights[name].copy() for name in self._consolidations.names}
        for p, change in changes:
            parts = [change]
            if p.name in before:
                parts = self._consolidations.added(p.name, change, before[p.name], self.rule_state[p.name])
            for part in parts:
                self._add(p.name, part, rate_factor)
        for name, change in bias_changes:
            self._store.biases[name] += rate_factor * change
            self.circuit.population(name).bias_bounds.apply(self._store.biases[name])
        for p in self._constrained:
            self._store.constrain(p)
        if self._store.mark_changed():
            self._programs.clear()
        for p in self._learned:
            if state := self.rule_state[p.name]:
                after = p.learned_by.next_state(program.signals[p.name], state)
                if p.name in before:
                    signals, now = self._signals(p, program, slopes), self._store.weights[p.name]
                    after = after | self._consolidations.after_step(p.name, signals, state, before[p.name], now)
                self.rule_state[p.name] = state | {name: np.array(values) for name, values in after.items()}
        return program

    def _slopes(self, program: Program) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        if not self._gradient:
            return {}, {}
        self._store.write_tied()
        return gradients(starting_point(program), self._store.weights)

    @staticmethod
    def _signals(p: Projection, program: Program, slopes: dict[str, np.ndarray]) -> Signals:
        """What the rule of a projection sees: a gradient rule nothing but its gradient."""
        if p.learned_by.needs_gradient:
            return Signals(None, None, None, gradient=slopes[p.name])
        return program.signals[p.name]

    def _change(self, p: Projection, signals: Signals) -> Factors | np.ndarray:
        if p.learned_by.needs_gradient:
            return p.learned_by.update(signals, None, {})
        return p.learned_by.factors(signals, self.rule_state[p.name])

    def _add(self, name: str, change: Factors | np.ndarray, rate_factor: float) -> None:
        """weight += rate_factor · change, in place."""
        weight = self._store.weights[name]
        if not isinstance(change, Factors):
            weight += np.float32(rate_factor) * change
            return
        if change.decay:
            lost = self._scratch.setdefault(name, np.empty_like(weight))
            post = np.stack([post for post, _ in change.decay], axis=1)
            np.dot(np.float32(rate_factor) * post, np.stack([pre for _, pre in change.decay]), out=lost)
            lost *= weight
            weight -= lost
        for post, pre in change.gain:
            # BLAS counts columns first: the transpose of a row-major matrix is what it can change in place
            sger(rate_factor, pre, post, a=weight.T, overwrite_x=0, overwrite_y=0, overwrite_a=1)

    # -- helpers -------------------------------------------------------------------------------------------------

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Work alone with the buffers, which have room for one presentation. float32 arithmetic may underflow to 0."""
        with self._lock, one_thread(), np.errstate(under="ignore"):
            yield

    def _samples(self, x: Any, target: Any, need_target: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
        x = sample_array(x, "x", self.circuit.input)
        if target is None:
            if need_target:
                raise SpikedtpError("a target is needed")
            return x, None
        target = sample_array(target, "target", self.circuit.output)
        if target.shape[:-1] != x.shape[:-1]:
            hint = ": class numbers become one-hot rows with numpy.eye(n)[target]" if target.ndim < x.ndim else ""
            raise SpikedtpError(f"x {x.shape} and target {target.shape} are not the same number of samples{hint}")
        return x, target

    def _run(self, x: np.ndarray, target: np.ndarray | None, everyone: bool = False, record: bool = False) -> Program:
        n_samples = len(x) if x.ndim == 2 else None
        key = (n_samples, target is not None, everyone, record)
        program = self._programs.get(key)
        if program is None:
            if len(self._programs) >= _KEPT_PROGRAMS:
                self._programs.pop(next(iter(self._programs)))
            program = self._programs[key] = Program(self._store, n_samples, target is not None, everyone, record)
        if program.instructed is not None and target is not None:
            program.instructed.ravel()[:] = instructed_cells(self.circuit, self.task)
        program.run(x.T, None if target is None else target.T)
        return program

"""A circuit in which every population spikes. It answers, shows what its synapses would learn, and learns online."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from brian2 import Hz
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_indices, as_numbers, as_samples
from spikedtp.circuit import Circuit, Population, bias_key, instructed_cells, weight_key
from spikedtp.circuit.network import RateNetworkLike, masks_of
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.locks import Exclusive, Lock, held
from spikedtp.neurons import CellModel, NudgedCell, SteadyInput
from spikedtp.neurons.check import declared
from spikedtp.neurons.rates import check_rates
from spikedtp.neurons.reach import check_reach
from spikedtp.parameters import check_quantity, check_whole
from spikedtp.plasticity.constraints import is_finite
from spikedtp.schedules import DEFAULT_SCHEDULE, schedule_named
from spikedtp.spiking.closed_loop.build import STATE, CircuitNumbers, build_closed
from spikedtp.spiking.closed_loop.cells import CellsOfLoop, others_may_fire
from spikedtp.spiking.closed_loop.consolidated import check_consolidation
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.plan import ClosedLoop, check_learning, firing_of, inhibitory
from spikedtp.spiking.closed_loop.response import ClosedResponse
from spikedtp.spiking.engine.batch import Progress, RunInputs, RunResults
from spikedtp.spiking.engine.devices import check_device
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.engine.seeds import presentation_seeds
from spikedtp.summaries import Summarised

logger = logging.getLogger(__name__)

__all__ = ["SpikingNetwork"]

#: Activities of interneurons reach tens; at this share of the unit rate they stay clear of the dead time.
INTERNEURON_RATE = 0.25
#: Few interneurons reach many cells: their noise is shared, and outweighs that of all others (docs/closed_loop.md).
INTERNEURON_SPIKERS = 4


class SpikingNetwork(Summarised):
    """A circuit in spikes, with weights of its own that begin as those of a rate network.

    Parameters
    ----------
    network : RateNetwork
        It gives the circuit, the weights, the biases, and what its rules remember. It is not changed.
    unit_rate : Quantity (Hz)
        Firing rate of activity 1 in excitatory cells and inputs. In inhibitory cells it is a quarter of this.
    unit_rates : dict, optional
        Unit rates of single populations: population -> Quantity (Hz).
    spikers : int or dict, optional
        How many units fire for each inhibitory cell. With more units the noise is smaller. Each of n units fires at the
        rate of the cell, and each of its spikes counts 1/n. A dict, population -> number, sets the number for single
        populations. The default is 4. It is 1 for cells for which no other unit can fire (docs/closed_loop.md).
    phases : Phases, optional
        The times of a presentation.
    cell : CellModel, optional
        The cell of every population; default `NudgedCell`. Every cell can be used whose soma and dendrite can be read
        and can receive spikes (docs/closed_loop.md).
    device : {"cpp_standalone", "runtime"}
    on_off : bool
        Whether on and off cells carry the activities of linear populations, which may be negative. Without them such a
        circuit is refused. `spikers` then says how many units of each kind fire for a cell. Inputs may then be any
        numbers: where any of those that are shown is negative, each input has an on cell and an off cell.

    Attributes
    ----------
    weights : dict of ndarray, (n_post, n_pre) float32
    biases : dict of ndarray, (n,)
    rule_state : dict of dict of ndarray
        What the rule of each projection remembers, by projection.
    masks : dict of ndarray, (n_post, n_pre) bool
        Where there are synapses, by sparse projection.
    task : int
        How many tasks have ended (`end_task`).

    Raises
    ------
    SpikedtpError
        The circuit cannot run in spikes, a population is unknown, or a unit is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.spiking import Phases, SpikingNetwork
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> short = Phases(settle=40 * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms)  # too short to be of use
    >>> spiking = SpikingNetwork(network, spikers=1, phases=short, device="runtime")
    >>> response = spiking.respond(np.full(64, 0.2))  # without a target nothing is nudged
    >>> response.activity["OutputE"].shape
    (1, 10)
    """

    def __init__(
        self,
        network: RateNetworkLike,
        *,
        unit_rate: Quantity = 450 * Hz,
        unit_rates: dict[str, Quantity] | None = None,
        spikers: int | dict[str, int] | None = None,
        phases: Phases | None = None,
        cell: CellModel | None = None,
        device: str = "cpp_standalone",
        on_off: bool = False,
    ):
        if not hasattr(network, "circuit"):
            raise SpikedtpError(f"network must be a rate network, as load_rate_network gives it, got {shown(network)}")
        self.circuit, self.device = network.circuit, check_device(device)
        with held(network):
            self.weights = {name: w.copy() for name, w in network.weights.items()}
            self.biases = {name: b.copy() for name, b in network.biases.items()}
            self.rule_state = {p: dict(state) for p, state in network.rule_state.items()}
            self.masks = masks_of(network)
            self.task: int = getattr(network, "task", 0)
        check_quantity("SpikingNetwork", "unit_rate", unit_rate, Hz, above=0 * Hz)
        cell = NudgedCell() if cell is None else cell
        declaration = declared(cell, "the cell of the closed loop")
        rates = {
            p.name: unit_rate * (INTERNEURON_RATE if inhibitory(self.circuit, p.name) else 1)
            for p in self.circuit.populations
        }
        if not isinstance(unit_rates or {}, Mapping):
            raise SpikedtpError(f"unit_rates must be a dictionary, population -> rate, got {shown(unit_rates)}")
        for name, rate in (unit_rates or {}).items():
            if name not in rates:
                raise known_names("population", name, rates)
            check_quantity("SpikingNetwork", f"unit_rates[{name!r}]", rate, Hz, above=0 * Hz)
            rates[name] = rate
        usual = INTERNEURON_SPIKERS if others_may_fire(declaration) else 1
        spikers = _spikers(self.circuit, {} if spikers is None else spikers, usual)
        inputs = SteadyInput(unit_rate=rates[self.circuit.input.name], **firing_of(cell))
        phases = Phases() if phases is None else phases
        if not isinstance(phases, Phases):
            raise SpikedtpError(f"phases must be Phases(settle=..., ...), got {type(phases).__name__}")
        for model in (cell, inputs):
            model.check_time_step(phases.dt)
        check_reach(cell, {p.name: rates[p.name] for p in self.circuit.populations[1:]}, phases.dt)
        self._spec = partial(ClosedLoop, self.circuit, rates, spikers, cell, inputs, phases, on_off=on_off)
        self.spec: ClosedLoop = self._spec()
        nudged: ClosedLoop = self._spec(nudged=True)
        CellsOfLoop(nudged).check()  # whatever it will be asked for
        if nudged.way_down() > phases.steps("wait"):
            logger.warning(
                "top-down delays add up to %s, but the nudge is read after Phases.wait = %s: what is read first was "
                "sent before the nudge; a longer wait avoids it", nudged.way_down() * phases.dt, phases.wait,
            )  # fmt: skip
        self._lock = Lock()
        self._training = Exclusive("this network is being trained: let that end, or train a copy (copy.deepcopy)")

    def _headline(self) -> str:
        return self.circuit._headline()

    def _parts(self) -> dict[str, str]:
        phases, cell = self.spec.phases, type(self.spec.cell).__name__
        settle, nudge, dt = (float(time) * 1e3 for time in (phases.settle, phases.nudge, phases.dt))
        times = f"{settle:g} ms to settle, {nudge:g} ms of nudge, in time steps of {dt:g} ms"
        return {"device": self.device, "cell": cell, **self.circuit._parts(), "time": times}

    def state_dict(self) -> dict[str, np.ndarray]:
        """Weights and biases under EIANN's key names, as a rate network loads them."""
        now = self._given()
        state = {weight_key(name): w.copy() for name, w in now.weights.items()}
        return state | {bias_key(name): b.copy() for name, b in now.biases.items()}

    # -- answering -------------------------------------------------------------------------------------------------

    def respond(
        self,
        x: ArrayLike,
        target: ArrayLike | None = None,
        *,
        seed: int = 0,
        n_repeats: int = 1,
        first_sample: int = 0,
        record: tuple[str, ...] = (),
        n_processes: int = 1,
        progress: Progress | None = None,
    ) -> ClosedResponse:
        """Present samples without learning.

        Parameters
        ----------
        x : (n_in,) or (samples, n_in)
            Inputs in [0, 1]; with on and off cells any numbers.
        target : (n_out,) or (samples, n_out), optional
            With a target the nudge phase follows the settle phase, and the response has the weight changes of every
            learned projection.
        seed, n_repeats, first_sample
            As in `simulate`. Every presentation (sample, repeat) has its own random generator, seeded from these.
        record : tuple of str
            The variables to keep at every time step: any of ``spikes, v_soma, v_dend``.
        n_processes : int
            The number of processes that share the presentations.
        progress : callable, optional
            It is called with the number of presentations that are done.
        """
        self._check_order(n_processes)
        x = as_numbers("x", x)
        batched = x.ndim == 2
        x, target = self.samples(x, target)
        spec = self._spec(nudged=target is not None, signals=True, record=tuple(record), signed_input=_signed(x))
        patterns = {"x": _in_units(x)} | ({} if target is None else {"target": spec.as_taught(target)})
        seeds = presentation_seeds(seed, len(x), n_repeats, first_sample)
        data = RunInputs(patterns, np.repeat(np.arange(len(x)), n_repeats), seeds)
        given = self._given(nudged=target is not None)
        results = run_on(self.device, partial(build_closed, spec, given), data, progress, n_processes)
        learned = tuple(p.name for p in self.circuit.projections if p.rule is not None)
        response = ClosedResponse(
            spec=spec, batched=batched, n_samples=len(x), n_repeats=n_repeats, results=results, weights=given.weights,
            rule_state=given.rule_state, masks=given.masks, highest_input=float(np.abs(x).max()), learned=learned,
        )  # fmt: skip
        self._check_rates(spec, x, results)
        return response

    def predict(
        self,
        X: ArrayLike,
        *,
        seed: int = 0,
        n_processes: int = 1,
        progress: Progress | None = None,
        among: Sequence[int] | None = None,
    ) -> np.ndarray:
        """The output cell with the highest settled activity for each row of X, ``(samples, n_in)`` -> ``(samples,)``.

        `among` are the cells that may answer, such as the classes of one task; by default all may.
        """
        self._check_order(n_processes)
        n_out = self.circuit.output.size
        choices = as_indices("among", range(n_out) if among is None else among, n_out, "classes")
        x, _ = self.samples(X, None)
        data = RunInputs({"x": _in_units(x)}, np.arange(len(x)), presentation_seeds(seed, len(x), 1))
        spec = self._spec(signed_input=_signed(x))
        results = run_on(self.device, partial(build_closed, spec, self._given()), data, progress, n_processes)
        self._check_rates(self.spec, x, results)
        return choices[self._settled(results)[:, choices].argmax(axis=1)]

    # -- learning --------------------------------------------------------------------------------------------------

    def train(
        self,
        X: ArrayLike,
        T: ArrayLike,
        order: ArrayLike,
        *,
        seed: int = 0,
        schedule: str | Callable[[int, int], float] = DEFAULT_SCHEDULE,
        start: int = 0,
        checkpoint_every: int = 0,
        checkpoint: Callable[[int, SpikingNetwork, np.ndarray], None] | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Learn online, one presentation after the other, in a single run. Weights and the memory of the rules change.

        Parameters
        ----------
        X, T : (samples, n_in), (samples, n_out)
            Inputs in [0, 1], or any numbers with on and off cells, and one-hot targets.
        order : (presentations,) int
            Which sample each presentation shows (``spikedtp.rate.online.sample_order``).
        seed : int
            Seed of the spikes. Every presentation has its own random generator, seeded from `seed` and its index.
        schedule : str or callable
            How learning rates change over all of `order`.
        start : int
            How many presentations of `order` were run before. The others then give the same as one run of all.
        checkpoint_every : int
            `checkpoint` is called each time this many presentations are done.
        checkpoint : callable, optional
            It is called with the number of presentations that are done, the network in its present state, and the
            answers since `start`.
        progress : callable, optional
            It is called with the number of presentations that are done.

        Returns
        -------
        ndarray of int, (presentations - start,)
            What the network answered to each sample before it learned from it.
        """
        x, target = self.samples(X, T)
        if target is None:
            raise SpikedtpError("a target is needed")
        order = as_indices("order", order, len(x), "sample numbers")
        start, checkpoint_every = check_whole("start", start), check_whole("checkpoint_every", checkpoint_every)
        if not 0 <= start < len(order):
            raise SpikedtpError(f"start = {start} must lie among the {len(order)} presentations")
        if start and not self.spec.phases.reset:
            raise SpikedtpError(
                "a training whose cells are not reset (Phases.reset = False) cannot go on after an interruption, since "
                "the state of its cells is not kept: remove the file of the unfinished run, and start again"
            )
        check_learning(self.circuit)
        if not any(p.rule is not None for p in self.circuit.projections):
            raise SpikedtpError(f"{self.circuit.name} has no learning rule: nothing to train")
        factor = schedule_named(schedule)
        planned = as_numbers("schedule", [factor(k, len(order)) for k in range(len(order))])
        factors, which = np.unique(planned, return_inverse=True)
        shown = order[start:]
        spec = self._spec(nudged=True, learning=True, signed_input=_signed(x))
        data = RunInputs(
            {"x": _in_units(x), "target": spec.as_taught(target), "rate_factor": factors[:, None]},
            {"x": shown, "target": shown, "rate_factor": which[start:]},
            presentation_seeds(seed, len(order), 1)[start:],
            keep_every=checkpoint_every,
        )

        def kept(done: int, results: RunResults) -> None:
            self._take(results)
            if checkpoint is not None:
                checkpoint(start + done, self, self._answers(results))

        advance = None if progress is None else lambda done: progress(start + done)
        with self._training:
            results = run_on(
                self.device, partial(build_closed, spec, self._given(nudged=True)), data, advance, kept=kept
            )
        self._check_rates(spec, x, results)
        return self._answers(results)

    def end_task(self) -> None:
        """Tell the network that a task has ended: its synapses are consolidated, and the next task begins.

        Without consolidation and `Circuit.task_classes` this only counts.

        Raises
        ------
        SpikedtpError
            A consolidation has no spiking form, or the network is being trained.
        """
        with self._training, self._lock:
            kept = [p for p in self.circuit.projections if p.consolidation is not None]
            for p in kept:
                check_consolidation(p)
            for p in kept:
                state, how = self.rule_state[p.name], p.consolidation
                assert how is not None
                self.rule_state[p.name] = state | how.after_task(how.own(state), self.weights[p.name], None)
            self.task += 1

    # -- helpers ---------------------------------------------------------------------------------------------------

    def _given(self, *, nudged: bool = False) -> CircuitNumbers:
        """The numbers as they are now. Another thread or a checkpoint may use this network while it learns on."""
        with self._lock:
            state = {projection: dict(values) for projection, values in self.rule_state.items()}
            of_tasks = nudged and self.circuit.task_classes is not None
            instructed = instructed_cells(self.circuit, self.task) if of_tasks else None
            return CircuitNumbers(dict(self.weights), dict(self.biases), state, self.masks, instructed)

    def _check_order(self, n_processes: int) -> None:
        if n_processes != 1 and not self.spec.phases.reset:
            raise SpikedtpError(
                "cells are not reset (Phases.reset = False), so presentations run one after the other: n_processes "
                "must be 1"
            )

    def _check_rates(self, spec: ClosedLoop, x: np.ndarray, results: RunResults) -> None:
        """Warn of inputs and settled activities that ask for more than the highest rate or than time steps can hold."""
        settled, source = results.vectors["post_settled"], self.circuit.input.name
        highest = {source: float(np.abs(x).max())}
        highest |= {name: float(np.abs(settled[:, place]).max()) for name, place in spec.slices().items()}
        _warn_of_clipping(spec, spec.clipped(highest))
        for name, activity in highest.items():
            model = spec.inputs if name == source else spec.cell
            check_rates(model, activity * spec.unit_rates[name], spec.phases.dt, spec.duration, of=name)

    def _answers(self, results: RunResults) -> np.ndarray:
        return self._settled(results).argmax(axis=1)

    def _settled(self, results: RunResults) -> np.ndarray:
        """The mean voltage of every output cell at the end of the settle phase, `(presentations, n_out)`."""
        return results.vectors["post_settled"][:, self.spec.slices()[self.circuit.output.name]]

    def _take(self, results: RunResults) -> None:
        """Weights and state as they were kept last."""
        with self._lock:
            for key, kept in results.lasting.items():
                projection, *where = key.split(".")
                if projection == STATE:
                    continue
                if key == "cells.bias":
                    self.biases = {name: kept[-1][place].copy() for name, place in self.spec.slices().items()}
                    continue
                if where[0] in ("w", "synapse"):
                    n_post, n_pre = self.weights[projection].shape
                    of_synapses = kept[-1].reshape(n_pre, -1)[:, :n_post].T.copy()
                    if where == ["w"]:
                        self.weights[projection] = of_synapses
                    else:
                        self.rule_state[projection][where[1]] = of_synapses
                else:
                    form = self.circuit.projection(projection).learned_by.spiking_form()
                    assert form is not None  # or it would not have learned in spikes
                    (state,) = (name for name, place in form.states.items() if place == ".".join(where))
                    self.rule_state[projection][state] = kept[-1].copy()

    def samples(self, x: ArrayLike, target: ArrayLike | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Inputs and targets as this network is shown them, `(samples, n)`.

        Parameters
        ----------
        x : (n_in,) or (samples, n_in)
        target : (n_out,) or (samples, n_out), optional

        Raises
        ------
        SpikedtpError
            They do not fit, or inputs do not lie in [0, 1] and there are no on and off cells.
        """
        x = self._array("x", x, self.circuit.input)
        if not self.spec.on_off and (x.min() < 0 or x.max() > 1):
            raise SpikedtpError(
                f"x must lie in [0, 1] to become firing rates, got {x.min():.3g} to {x.max():.3g}: scale it, or let on "
                "and off cells carry it (on_off=True, --on-off)"
            )
        if target is None:
            return x, None
        target = self._array("target", target, self.circuit.output)
        if len(target) != len(x):
            raise SpikedtpError(f"x has {len(x)} samples and target {len(target)}: there must be one for each")
        if self.spec.taught_by_spikes and target.min() < 0:
            raise SpikedtpError(
                f"targets must be at least 0 to become firing rates, got {target.min():.3g}: scale them, or use "
                "Phases(target='number')"
            )
        return x, target

    @staticmethod
    def _array(name: str, values: ArrayLike, population: Population) -> np.ndarray:
        array = as_samples(name, values, population.size, cells=population.name)
        if not len(array):
            raise SpikedtpError(f"{name} is an empty batch: there must be at least one sample")
        return np.atleast_2d(array)


def _signed(x: np.ndarray) -> bool:
    return bool(x.min() < 0)


def _in_units(x: np.ndarray) -> np.ndarray:
    """What input units fire at: the inputs, or their positive and then the size of their negative parts."""
    return np.concatenate([x.clip(0, None), (-x).clip(0, None)], axis=1) if _signed(x) else x


def _warn_of_clipping(spec: ClosedLoop, clipped: dict[str, tuple[float, float]]) -> None:
    """Name the populations whose activity asks for more than the highest rate."""
    if clipped:
        listed = (f"{name} (up to {highest:.2g}, clipped at {limit:.2g})" for name, (highest, limit) in clipped.items())
        first = next(iter(clipped))
        limit = spec.inputs.max_rate if first == spec.circuit.input.name else spec.highest_rate
        logger.warning("activities ask for more than %s: %s; a lower unit rate avoids it", limit, ", ".join(listed))


def _spikers(circuit: Circuit, given: int | dict[str, int], usual: int) -> dict[str, int]:
    """Number of spikers by population, for those that have more than one; `usual` where a dictionary names none."""
    names = [p.name for p in circuit.populations[1:]]
    usual = usual if isinstance(given, dict) else given
    others = given if isinstance(given, dict) else {}
    given = {name: usual for name in names if inhibitory(circuit, name)} | others
    for name, number in given.items():
        if name not in names:
            raise known_names("population", name, names)
        if isinstance(number, bool) or not is_finite(number) or number != int(number) or number < 1:
            raise SpikedtpError(f"spikers of {name} must be a whole number of at least 1, got {number!r}")
    return {name: int(number) for name, number in given.items() if number > 1}

"""The times of one presentation in a closed loop."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.parameters import Parameters, check_quantity, parameter

__all__ = ["Phases", "phases_of"]

TARGETS = ("number", "spikes")
HOLDS = ("all", "none", "excitatory", "inhibitory", "output")
#: How long each phase lasts, in steps of the rate network: at 20 ms the defaults of `Phases`.
STEPS = {"settle": 25, "read": 10, "nudge": 10, "wait": 3}


@dataclass(frozen=True)
class Phases(Parameters):
    """The times of one presentation, and what dendrites and somas do during the nudge.

    Parameters
    ----------
    settle : Quantity (second)
        Duration of the settle phase, in which only the image comes from outside.
    read : Quantity (second)
        Duration of the last part of the settle phase, in which spikes are counted and voltages averaged.
    nudge : Quantity (second)
        Duration of the nudge phase, in which the output is pushed towards its target and dendrites act on their somas.
    wait : Quantity (second)
        Duration of the first part of the nudge phase, which is not read.
    latch : bool
        With it the nudge is divided into one part for every hidden layer, from the top. Each dendrite is read in the
        part of its layer, after `wait`. At that time only its inputs from above have changed. The plateau that is found
        then acts on the soma until the end, as a plateau potential does. Without it dendrites act on their somas with
        their present voltage from the onset on.
    plateau_threshold : float
        With `latch`: by how much the average of a dendritic voltage must differ from its settled mean for a plateau to
        begin in this dendrite. Each dendrite then has its own time. The plateau's height is the mean voltage of the
        second half of `rise`, which begins at this crossing, and it acts from the end of `rise` on. A dendrite that has
        no plateau at the end of the nudge has not acted on its soma. Its synapses then learn from the average itself.
        With 0 a clock says when the dendrites of each layer are read.
    rise : Quantity (second)
        Time from the crossing of `plateau_threshold` until the plateau acts.
    tau_crossing : Quantity (second)
        Time constant of the average that is compared with `plateau_threshold`. Without it (0 ms) single spikes cross
        any threshold that signals cross.
    hold : {"all", "none", "excitatory", "inhibitory", "output"}
        Which somas are held: their voltages stay at their settled means during the nudge, as in the single top-down
        pass of the rate rule. The other somas go on integrating. An output that is held fires at its target, because
        its error is not fed back to it.
    dt : Quantity (second)
        Time step.
    trace : Quantity (second)
        Time constant of the traces that synapses and dendrites keep of the settle phase. Each spike and each voltage
        then counts for less the longer ago it was, and the traces are read at the onset of the plateaus that they meet:
        with `latch`, those of the inputs of a hidden layer when the plateaus of this layer have begun. With 0 the
        windows of `read` are averaged instead.
    silent : float
        The highest settled activity of a cell that counts as silent, where silent cells have no plateau. A cell that is
        read by its spikes needs more than 0: without it one spike at the beginning would let it learn.
    reset : bool
        Whether cells are reset between presentations. Without it they go on from where the presentation before has left
        them, and so do traces. The plateaus end with their presentation. What a presentation gives then depends on
        those before it, also for repeats of one sample.
    target : {"number", "spikes"}
        How the target reaches the output. As a number, the error is computed from it at the onset. With "spikes", which
        needs `latch`, units fire at the target from the onset on and excite the dendrite of their output cell, and the
        output's own spikes inhibit this dendrite. Its voltage is then the error. The output is the first layer whose
        plateaus begin, and the nudge has one part more.
    time_per_step : Quantity (second)
        Duration of one step of the rate network, the unit of a projection's delay.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.spiking import Phases
    >>> phases = Phases(settle=400 * ms, hold="output")
    >>> phases.onset, phases.end, phases.settled, phases.nudged()  # in time steps
    (400, 600, (200, 400), (460, 600))
    """

    settle: Quantity = parameter(500 * ms, above=0 * ms)
    read: Quantity = parameter(200 * ms, above=0 * ms)
    nudge: Quantity = parameter(200 * ms, above=0 * ms)
    wait: Quantity = parameter(60 * ms, least=0 * ms)
    dt: Quantity = parameter(1 * ms, above=0 * ms)
    hold: str = "all"
    latch: bool = False
    plateau_threshold: float = parameter(0.0, least=0.0)
    rise: Quantity = parameter(100 * ms, above=0 * ms)
    tau_crossing: Quantity = parameter(50 * ms, least=0 * ms)
    trace: Quantity = parameter(0 * ms, least=0 * ms)
    silent: float = parameter(0.0, least=0.0)
    reset: bool = True
    target: str = "number"
    time_per_step: Quantity = parameter(20 * ms, above=0 * ms)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hold not in HOLDS:
            raise known_names("Phases.hold", self.hold, HOLDS)
        if self.target not in TARGETS:
            raise known_names("Phases.target", self.target, TARGETS)
        if self.plateau_threshold and not self.latch:
            raise SpikedtpError("Phases.plateau_threshold needs latch = True: it says when latched plateaus begin")
        if self.plateau_threshold and self.rise > self.nudge:
            raise SpikedtpError(f"Phases.rise = {self.rise} must not be longer than nudge = {self.nudge}")
        if self.target == "spikes" and not self.latch:
            raise SpikedtpError("Phases.target = spikes needs latch = True: the output's plateau is then its error")
        if self.read > self.settle:
            raise SpikedtpError(f"Phases.read = {self.read} is longer than settle = {self.settle}")
        if self.wait >= self.nudge:
            raise SpikedtpError(f"Phases.wait = {self.wait} must be shorter than nudge = {self.nudge}")
        for name in ("latch", "reset"):
            if not isinstance(getattr(self, name), bool):
                raise SpikedtpError(f"Phases.{name} must be true or false, not {getattr(self, name)!r}")
        for name in ("settle", "read", "nudge", "wait", "rise"):
            steps = float(getattr(self, name) / self.dt)
            if abs(steps - round(steps)) > 1e-6 * max(steps, 1):
                raise SpikedtpError(
                    f"Phases.{name} = {getattr(self, name)} must be a whole number of time steps of dt = {self.dt}"
                )

    def steps(self, name: str) -> int:
        """One of the durations in time steps."""
        return round(float(getattr(self, name) / self.dt))

    @property
    def onset(self) -> int:
        """The time step at which the nudge begins."""
        return self.steps("settle")

    @property
    def end(self) -> int:
        """The time step after the last one of a presentation with a nudge."""
        return self.onset + self.steps("nudge")

    @property
    def settled(self) -> tuple[int, int]:
        """When the settled state is read: first time step, last + 1."""
        return self.onset - self.steps("read"), self.onset

    def nudged(self, part: int = 0, n_parts: int = 1) -> tuple[int, int]:
        """When the nudged state is read, in one of equal parts of the nudge: first time step, last + 1.

        Plateaus by threshold have no parts, and need time to begin: what they change is read as long as their rise.
        """
        if self.plateau_threshold:
            return self.end - self.steps("rise"), self.end
        length = self.steps("nudge")
        return self.onset + part * length // n_parts + self.steps("wait"), self.onset + (part + 1) * length // n_parts


def phases_of(time_per_step: Quantity = 20 * ms, dt: Quantity = 1 * ms) -> Phases:
    """The phases of a presentation when one step of the rate network takes `time_per_step`.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.spiking import phases_of
    >>> phases_of(time_per_step=10 * ms).settle
    250. * msecond
    """
    check_quantity("simulate", "time_per_step", time_per_step, ms, above=0 * ms)
    times = {name: n * time_per_step for name, n in STEPS.items()}
    return Phases(**times, dt=dt, time_per_step=time_per_step)

"""What Diehl & Cook's network is: sizes, cells, synapses and protocol, with the published values as defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

from brian2 import Hz, ms, mV
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, shown
from spikedtp.parameters import Parameters, check_whole, parameter
from spikedtp.plasticity import DiehlCook

__all__ = ["Settings"]

#: After the last input spike has arrived, everything but membranes and slow traces has decayed after this time.
DECAY = 40 * ms


@dataclass(frozen=True)
class Settings(Parameters):
    """The settings of `DiehlCookNetwork`, which describes them."""

    n_inputs: int = 784
    n_cells: int = 400
    rule: DiehlCook = field(default_factory=DiehlCook)
    weight_sum: float = parameter(78.0, above=0.0)
    largest_delay: Quantity = parameter(10 * ms, least=0 * ms)
    to_inhibitory: float = parameter(10.4, least=0.0)
    to_excitatory: float = parameter(17.0, least=0.0)
    theta_start: Quantity = parameter(20 * mV)
    theta_plus: Quantity = parameter(0.05 * mV, least=0 * mV)
    tau_theta: Quantity = parameter(1e7 * ms, above=0 * ms)
    timer: Quantity = parameter(50 * ms, least=0 * ms)
    rate: Quantity = parameter(31.875 * Hz, above=0 * Hz)
    intensity: float = parameter(2.0, above=0.0)
    intensity_step: float = parameter(1.0, least=0.0)
    fewest_spikes: int = 5
    most_tries: int = 20
    image_time: Quantity = parameter(350 * ms, above=0 * ms)
    rest_time: Quantity = parameter(150 * ms, above=0 * ms)
    dt: Quantity = parameter(0.5 * ms, above=0 * ms)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("n_inputs", 1), ("n_cells", 2), ("fewest_spikes", 0), ("most_tries", 1)):
            check_whole(f"DiehlCookNetwork.{name}", getattr(self, name), least=least)
        if not isinstance(self.rule, DiehlCook):
            raise SpikedtpError(f"DiehlCookNetwork.rule must be DiehlCook(...), got {shown(self.rule)}")
        for name in ("image_time", "rest_time"):
            steps = float(getattr(self, name) / self.dt)
            if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
                raise SpikedtpError(
                    f"DiehlCookNetwork.{name} must be a multiple of dt = {self.dt}, got {getattr(self, name)}"
                )
        if self.rest_time < self.largest_delay + DECAY:
            raise SpikedtpError(
                f"DiehlCookNetwork.rest_time must be at least largest_delay + {DECAY} = {self.largest_delay + DECAY}, "
                f"so that nothing is on its way when the next image comes, got {self.rest_time}"
            )
        highest = float(self.rate * self.dt) * (self.intensity + self.intensity_step * (self.most_tries - 1))
        if highest >= 1:
            raise SpikedtpError(
                f"DiehlCookNetwork: in the last of {self.most_tries} tries an input of 1 would fire {highest:.3g} "
                "times in a time step: lower dt, rate, intensity_step or most_tries"
            )

    @property
    def image_steps(self) -> int:
        return round(float(self.image_time / self.dt))

    @property
    def rest_steps(self) -> int:
        return round(float(self.rest_time / self.dt))

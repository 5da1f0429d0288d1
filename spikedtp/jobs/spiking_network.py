"""From the settings of a command to a network in spikes."""

from __future__ import annotations

from brian2 import Hz, ms

from spikedtp.configuration import EvaluateConfiguration, TrainConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.compare_settings import cell_of, changed
from spikedtp.rate import RateNetwork
from spikedtp.spiking import Phases, SpikingNetwork, default_device

__all__ = ["in_spikes"]


def in_spikes(network: RateNetwork, settings: TrainConfiguration | EvaluateConfiguration) -> SpikingNetwork:
    """A spiking network with the weights of `network`, as the settings ask for it."""
    phases = Phases(settle=settings.settle * ms, read=settings.read * ms, dt=settings.dt * ms)
    cell = cell_of(settings.cell, "closed")
    if hasattr(cell, "firing"):
        cell = cell_of({"firing": settings.firing} | settings.cell, "closed")
    elif settings.firing != "poisson":
        raise SpikedtpError(f"firing: {type(cell).__name__} fires as its own equations say: leave --firing out")
    return SpikingNetwork(
        network,
        unit_rate=settings.unit_rate * Hz,
        unit_rates={name: rate * Hz for name, rate in settings.unit_rates.items()},
        spikers=settings.spikers,
        phases=changed(phases, "phases", settings.phases, {"settle", "read", "dt"}),
        cell=cell,
        device=settings.device or default_device(),
        on_off=settings.on_off,
    )

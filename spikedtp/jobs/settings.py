"""From the settings of a command to what the library takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from brian2 import Hz, ms

from spikedtp.circuit import Circuit
from spikedtp.configuration import CompareConfiguration, EvaluateConfiguration, TrainConfiguration
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.jobs.data import Material, fitting_weights
from spikedtp.neurons import CELLS, CellModel, PoissonInput
from spikedtp.neurons.contract import loops_of
from spikedtp.parameters import Parameters, read_value
from spikedtp.plasticity import LearningRule, make_rule
from spikedtp.rate import RateNetwork, load_rate_network
from spikedtp.spiking import Phases, SpikingNetwork, default_device, phases_of, regime

__all__ = [
    "cell_of", "changed", "closed_phases", "in_spikes", "make_network", "simulate_options", "with_rules",
]  # fmt: skip

Model = TypeVar("Model", bound=Parameters | LearningRule)

#: The cell of each loop where none is named.
DEFAULT_CELLS = {"open": "TwoCompartment", "closed": "NudgedCell"}


def make_network(configuration: CompareConfiguration, material: Material) -> RateNetwork:
    """The circuit of `material` with the rules that the settings ask for, and trained weights."""
    weights = fitting_weights(configuration, material)
    return load_rate_network(with_rules(material.circuit, configuration.rules), weights)


def with_rules(circuit: Circuit, rules: Mapping[str, str | Mapping[str, Any]]) -> Circuit:
    """The circuit with other rules, or with other parameters of its own.

    Parameters
    ----------
    circuit : Circuit
    rules : mapping of str to str or mapping
        By projection. A name is another rule with the learning rate of the one that it replaces; a mapping with a name
        is another rule with these parameters; a mapping without a name changes parameters of the circuit's own rule.
    """
    projections = {p.name: p for p in circuit.projections}
    for name, rule in rules.items():
        old, key = circuit.projection(name).rule, f"rules.{name}"
        given = {"name": rule} if isinstance(rule, str) else dict(rule)
        if "name" not in given:
            if old is None:
                raise SpikedtpError(f"{key}: the circuit has no rule there: give its name too, such as name: BTSP")
            projections[name] = replace(projections[name], rule=changed(old, key, given, set()))
            continue
        parameters = _values(given)
        if old is not None:
            parameters.setdefault("learning_rate", old.learning_rate)
        elif "learning_rate" not in parameters:
            raise SpikedtpError(f"{key}: needs learning_rate, since the circuit has no rule there")
        projections[name] = replace(projections[name], rule=make_rule(parameters.pop("name"), **parameters))
    return replace(circuit, projections=tuple(projections.values()))


def simulate_options(configuration: CompareConfiguration) -> dict[str, Any]:
    """The keyword arguments of `simulate`."""
    loop = configuration.loop
    options = dict(
        population=configuration.population,
        loop=loop,
        device=configuration.device or default_device(),
        seed=configuration.seed,
        unit_rate=configuration.unit_rate * Hz,
        dt=configuration.dt * ms,
        cell=cell_of(configuration.cell, loop),
        on_off=configuration.on_off,
    )
    time_per_step = configuration.time_per_step * ms
    if loop == "open":
        for key in ("phases", "unit_rates", "spikers"):
            if getattr(configuration, key):
                raise SpikedtpError(f"{key}: these settings are for the closed loop (--loop closed)")
        inputs = changed(PoissonInput(), "inputs", configuration.inputs, {"unit_rate"})
        return options | {
            "time_per_step": time_per_step,
            "inputs": inputs,
            "readout": configuration.readout,
        }
    if configuration.inputs:
        raise SpikedtpError(
            "inputs: these settings are for the open loop; cell.firing sets the inputs of the closed loop"
        )
    if configuration.readout != "best":
        raise SpikedtpError("readout has no meaning in the closed loop: leave it out, or use --loop open")
    phases = phases_of(time_per_step, options["dt"])
    return options | {
        "unit_rates": {name: rate * Hz for name, rate in configuration.unit_rates.items()},
        "spikers": configuration.spikers,
        "phases": changed(phases, "phases", configuration.phases, {"dt", "time_per_step"}),
    }


def cell_of(settings: dict[str, Any], loop: str) -> CellModel:
    """The cell of a loop by name, with its parameters; without a name, the default of that loop.

    Of the cells that ship, the loop has those that can run in it. Others go to the loop that is asked to run them.
    """
    settings = dict(settings)
    name = settings.pop("name", DEFAULT_CELLS[loop])
    if name not in CELLS or (name in CELLS.shipped() and loop not in loops_of(CELLS[name]())):
        shipped = CELLS.shipped()
        cells = [known for known in CELLS if known not in shipped or loop in loops_of(CELLS[known]())]
        raise known_names("cell", name, cells)
    return changed(CELLS[name](), "cell", settings, {"unit_rate"})


def _values(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as written in a file, ``20*ms`` as a quantity."""
    return {name: read_value(str(value)) for name, value in settings.items()}


def changed(model: Model, key: str, settings: Mapping[str, Any], shared: set[str]) -> Model:
    """A cell, input model, phases or rule with the parameters of a configuration; `shared` ones are settings."""
    known = {field.name for field in fields(model)} - shared
    for name in settings:
        if name in shared:
            raise SpikedtpError(f"{key}.{name}: set {name} itself, which holds for cells and inputs alike")
        if name not in known:
            raise known_names(f"parameter in {key} of {type(model).__name__}", name, known)
    return replace(model, **_values(settings))


def closed_phases(settings: TrainConfiguration | EvaluateConfiguration) -> Phases:
    """The times of a presentation to a network that learns or answers in spikes."""
    phases = Phases(settle=settings.settle * ms, read=settings.read * ms, dt=settings.dt * ms)
    return changed(phases, "phases", settings.phases, {"settle", "read", "dt"})


def in_spikes(network: RateNetwork, settings: TrainConfiguration | EvaluateConfiguration) -> SpikingNetwork:
    """A spiking network with the weights of `network`, as the settings ask for it."""
    if settings.regime != "idealised":
        chosen = regime(settings.regime, network.circuit)
        return SpikingNetwork(network, device=settings.device or default_device(), on_off=settings.on_off, **chosen)
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
        phases=closed_phases(settings),
        cell=cell,
        device=settings.device or default_device(),
        on_off=settings.on_off,
    )

"""The settings of the commands that run networks and rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, PlainSerializer, WrapValidator, model_validator

from spikedtp.configuration.base import (
    Configuration,
    Number,
    Positive,
    Real,
    Whole,
    absolute_path,
    amount,
    count,
    flag,
    setting,
)
from spikedtp.errors import SpikedtpError
from spikedtp.registries import offered

__all__ = [
    "CompareConfiguration", "EvaluateConfiguration", "ReplayConfiguration", "TrainConfiguration",
]  # fmt: skip

Circuit = Annotated[str, setting("Circuit: a file in EIANN's schema or a shipped model's name.", metavar="YAML|NAME")]
Weights = Annotated[
    str | None,
    setting(
        "Trained weights: torch checkpoint, .safetensors, .npz or EIANN .pkl. Default: those shipped with the circuit.",
        metavar="FILE",
    ),
]
Data = Annotated[
    str,
    setting(
        "Samples: scikit-learn's 8x8 digits or other data, a folder of IDX files, arrays, or a table.",
        metavar="digits|spirals|mnist:DIR|npz:FILE|csv:FILE|sklearn:NAME",
    ),
]
Scale = Annotated[
    Literal["none", "minmax", "standard", "max", "raw"],
    setting(
        "How inputs are brought to [0, 1], by the training part: by the range of each input, by its mean and three "
        "standard deviations, or by the largest number of all. raw: not at all, not even checked."
    ),
]
Mode = Annotated[Literal["rate", "spiking"], setting("Which network does the work.")]


def _device(value: Any, check: Any) -> Any:
    """One of the two that ship, or one that was registered, whose registry is not imported for this."""
    others = offered("spikedtp.devices")
    if others and isinstance(value, str) and value not in ("cpp_standalone", "runtime"):
        if value not in others:
            raise ValueError(f"should be 'cpp_standalone', 'runtime' or {' or '.join(map(repr, others))}")
        return value
    return check(value)


def _comma_separated(value: Any) -> Any:
    """Numbers of the command line, and a single number of a file."""
    if isinstance(value, str):
        return [int(part) if part.strip().isdigit() else part.strip() for part in value.split(",")]
    return [value] if isinstance(value, int) else value


Device = Annotated[
    Literal["cpp_standalone", "runtime"] | None,
    WrapValidator(_device),
    PlainSerializer(lambda device: device),
    setting("Brian2 device. Default: cpp_standalone, or runtime where no C++ compiler is found."),
]
Dt = Annotated[Real, amount("Time step of the simulation, in ms.", "MS")]
Out = Annotated[str, setting("Folder for the results.", metavar="DIR")]
Values = dict[str, bool | int | float | str]  # parameters by name, with units as in 20*ms

UnitRates = Annotated[
    dict[str, Annotated[float, Number, Field(gt=0)]],
    setting("Closed loop: rates of activity 1 that do not follow from unit-rate, by population, in Hz."),
]
Spikers = Annotated[
    Positive | dict[str, Positive] | None,
    setting("Closed loop: units that fire for each inhibitory cell, or number by population. Default: 4.", metavar="N"),
]

Rules = Annotated[
    dict[str, str | Values],
    setting("Learning rules by projection: another's name, or parameters of the circuit's own, or both."),
]
OnOff = Annotated[bool, setting("On and off cells for activities that may be negative, which are refused otherwise.")]
Cell = Annotated[Values, setting("Spiking cell: its model's name and parameters, such as tau_soma: 60*ms.")]
ClosedPhases = Annotated[Values, setting("Closed loop: times and held somas, such as settle: 300*ms or hold: none.")]

#: Settings that a regime has of its own.
OF_THE_REGIME = ("unit_rate", "unit_rates", "spikers", "settle", "read", "dt", "firing", "cell", "phases")
FILES = ("weights", "signals", "pre_spikes", "post_spikes")  # settings that name a file
PLACES = ("circuit", "data", *FILES)  # settings that name files or folders


def located(key: str, value: Any) -> Any:
    """The value of one of `PLACES` with an absolute path; shipped names and other settings as they are."""
    if key not in PLACES or not isinstance(value, str):
        return value
    if key == "data":
        kind, _, folder = value.partition(":")
        is_path = kind in ("mnist", "npz", "csv") or (
            kind != "sklearn" and os.path.exists(os.path.expanduser(folder))  # others may mean anything by it
        )
        return f"{kind}:{absolute_path(folder)}" if folder and is_path else value
    return absolute_path(value) if key in FILES or os.path.isfile(value) else value


Settings = TypeVar("Settings", bound=Configuration)


def with_absolute_places(settings: Settings) -> Settings:
    """The same settings with absolute paths."""
    places = {key: located(key, getattr(settings, key)) for key in PLACES if hasattr(settings, key)}
    return settings.model_copy(update=places)


class _Circuit(Configuration):
    """Settings of all commands with a circuit and samples."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"plugins", "scale", "on_off_inputs", "fit_sizes", "validation", "validation_seed", "validation_from"}
    )

    circuit: Circuit = "digits_dtp"
    data: Data = "digits"
    scale: Scale = "none"
    on_off_inputs: Annotated[
        bool, setting("Signed inputs: each becomes two, its positive part and the size of its negative part.")
    ] = False
    fit_sizes: Annotated[
        bool, setting("Take the circuit as a template: its input and output get the sizes of the data.")
    ] = False
    validation: Annotated[
        Whole,
        count("Training samples that are held out in the place of the test part, which is then not read.", least=0),
    ] = 0
    validation_seed: Annotated[Whole, count("Seed of which samples these are.", least=0)] = 0
    validation_from: Annotated[
        Literal["anywhere", "end"],
        setting("Where in the training part these are: anywhere at random, or at its end, as published for MNIST."),
    ] = "anywhere"

    def absolute(self) -> Self:
        return with_absolute_places(self)


class Trained(_Circuit):
    """Settings of the commands that need trained weights."""

    weights: Weights = None

    def weights_file(self) -> Path:
        """The weights that were asked for, or else those that ship with a shipped circuit."""
        from spikedtp.circuit import circuit_path, shipped_names
        from spikedtp.models import weights_file

        if self.weights is not None:
            if not os.path.isfile(self.weights):
                raise SpikedtpError(f"--weights {self.weights}: no such file")
            return Path(self.weights)
        path = circuit_path(self.circuit)
        if path.stem not in shipped_names() or not path.samefile(circuit_path(path.stem)):
            raise SpikedtpError(
                f"--circuit {self.circuit} is not a shipped circuit: give its trained weights with --weights"
            )
        return weights_file(path.stem)


class _Spiking(_Circuit):
    """Settings of a spiking network."""

    unit_rate: Annotated[Real, amount("Firing rate of activity 1, in Hz.", "HZ")] = 450.0
    time_per_step: Annotated[Real, amount("Time for one step of the rate network, in ms.", "MS")] = 20.0
    dt: Dt = 1.0
    device: Device = None


class _ClosedLoop(_Circuit):
    """Settings of a network that learns or answers in rate or in spikes. All but the mode are only for spikes."""

    set_example: ClassVar[str] = "unit_rates.H1DendI=200"
    later: ClassVar[frozenset[str]] = _Circuit.later | {"cell", "phases", "on_off", "regime"}

    mode: Mode = "rate"
    unit_rate: Annotated[Real, amount("Firing rate of activity 1 of excitatory cells, in Hz.", "HZ")] = 450.0
    settle: Annotated[
        Real,
        amount("Duration of the settle phase, in which only the input is shown, in ms.", "MS"),
    ] = 500.0
    read: Annotated[
        Real, amount("Duration of the last part of the settle phase, in which the network is read, in ms.", "MS")
    ] = 200.0
    dt: Dt = 1.0
    firing: Annotated[
        Literal["poisson", "regular", "lif"],
        setting("How cells fire: at random, at regular intervals, or as leaky integrate-and-fire units."),
    ] = "poisson"
    device: Device = None
    unit_rates: UnitRates = {}
    spikers: Spikers = None
    cell: Cell = {}
    phases: ClosedPhases = {}
    on_off: OnOff = False
    regime: Annotated[
        Literal["idealised", "physiological"],
        setting(
            "Spikes as the other settings say, or, without any of them, cells that fire from their own membranes below "
            "10 Hz, with latched plateaus and free somas."
        ),
    ] = "idealised"

    @model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        if self.regime == "idealised":
            return self
        if self.mode != "spiking":
            raise ValueError(f"regime = {self.regime} is about spikes: use mode = spiking")
        fields = type(self).model_fields
        given = [name for name in OF_THE_REGIME if getattr(self, name) != fields[name].default]
        if given:
            raise ValueError(
                f"regime = {self.regime} sets {', '.join(given)} itself: leave {'it' if len(given) == 1 else 'them'} "
                "out, or leave out regime"
            )
        return self


class CompareConfiguration(_Spiking, Trained):
    """The settings of ``spikedtp compare``. ``spikedtp compare --help`` says what each of them means.

    Examples
    --------
    >>> from spikedtp.configuration import CompareConfiguration
    >>> CompareConfiguration(samples=5, readout="paper").samples
    5
    >>> CompareConfiguration.of({"samples": 5, "cell": {"tau_soma": "30*ms"}}).cell
    {'tau_soma': '30*ms'}
    """

    command: ClassVar[str] = "compare"
    set_example: ClassVar[str] = "cell.tau_soma=30*ms"

    population: Annotated[
        str,
        setting(
            "Population, LAYER + CELL, whose learned projections are compared (or all: closed loop).", metavar="NAME"
        ),
    ] = "H2E"
    samples: Annotated[Whole, count("Number of test samples.")] = 10
    repeats: Annotated[Whole, count("Runs per sample, each with its own input spikes.")] = 1
    average: Annotated[Whole, count("Repeats whose weight changes are averaged before they are compared.")] = 1
    loop: Annotated[
        Literal["open", "closed"],
        setting("open: presynaptic cells replay the rate network's activity; closed: every cell spikes itself."),
    ] = "open"
    on_off: OnOff = False
    readout: Annotated[
        Literal["best", "paper"],
        setting("How signals are read from the spiking network: paper (last millisecond) or best."),
    ] = "best"
    seed: Annotated[Whole, count("Seed of the input spikes.", least=0)] = 0
    cell: Cell = {}
    unit_rates: UnitRates = {}
    spikers: Spikers = None
    phases: ClosedPhases = {}
    inputs: Annotated[Values, setting("Parameters of the Poisson inputs, such as tau_eligibility: 60*ms.")] = {}
    rules: Rules = {}
    out: Out = "results/compare"

    @model_validator(mode="after")
    def _enough_repeats(self) -> Self:
        if self.average > self.repeats:
            raise ValueError(f"average = {self.average} needs at least as many repeats, got repeats = {self.repeats}")
        return self


class TrainConfiguration(_ClosedLoop):
    """The settings of ``spikedtp train``. ``spikedtp train --help`` says what each of them means.

    Examples
    --------
    >>> from spikedtp.configuration import TrainConfiguration
    >>> TrainConfiguration(mode="spiking", samples=5000).settle  # in ms
    500.0
    """

    command: ClassVar[str] = "train"
    later: ClassVar[frozenset[str]] = _ClosedLoop.later | {"rules", "keep_at", "average_last"}

    samples: Annotated[Whole, count("Number of presentations.")] = 10_000
    seed: Annotated[Whole, count("Seed of the initial weights.", least=0)] = 0
    data_seed: Annotated[Whole, count("Seed of the order of the samples, reshuffled at each pass.", least=0)] = 0
    schedule: Annotated[
        str, setting("How learning rates change over training: anneal, constant or linear.", metavar="NAME")
    ] = "anneal"
    probe_every: Annotated[
        Positive | None,
        setting(
            "Presentations between probes, after which an interrupted run can continue. Default: a twentieth.",
            metavar="N",
        ),
    ] = None
    keep_at: Annotated[
        tuple[Positive, ...],
        BeforeValidator(_comma_separated),
        setting("Presentations after which the weights are kept, too, as weights_N.pt.", metavar="N,..."),
    ] = ()
    average_last: Annotated[
        Whole,
        count("Presentations at the end over which the weights are averaged. 0: the last weights alone.", least=0),
    ] = 0
    rules: Rules = {}
    out: Out = "results/train"


class EvaluateConfiguration(_ClosedLoop, Trained):
    """The settings of ``spikedtp evaluate``. ``spikedtp evaluate --help`` says what each of them means.

    Examples
    --------
    >>> from spikedtp.configuration import EvaluateConfiguration
    >>> EvaluateConfiguration(circuit="digits_dtp").weights_file().name
    'digits_dtp.pt'
    """

    command: ClassVar[str] = "evaluate"
    later: ClassVar[frozenset[str]] = _ClosedLoop.later | {"noise", "outside", "prune", "lost", "renormalise"}

    samples: Annotated[Positive | None, setting("Number of test samples. Default: all.", metavar="N")] = None
    noise: Annotated[
        Real, setting("Standard deviation of Gaussian noise that is added to the inputs.", metavar="SD", ge=0)
    ] = 0.0
    outside: Annotated[
        Literal["keep", "clip"],
        setting("Noisy inputs outside [0, 1] stay as they are, or become 0 or 1, which spikes need."),
    ] = "keep"
    prune: Annotated[
        Real, setting("Fraction of the synapses of each projection that is set to 0.", metavar="FRACTION", ge=0, le=1)
    ] = 0.0
    lost: Annotated[
        Literal["smallest", "random"], setting("Which synapses --prune takes: the smallest weights first, or any.")
    ] = "smallest"
    renormalise: Annotated[
        bool, setting("After --prune, rows of normalised projections are scaled to their sum again.")
    ] = False
    seed: Annotated[Whole, count("Seed of the input spikes, of noise and of lost synapses.", least=0)] = 0
    out: Out = "results/evaluate"


class ReplayConfiguration(Configuration):
    """The settings of ``spikedtp replay``. ``spikedtp replay --help`` says what each of them means.

    Examples
    --------
    >>> from spikedtp.configuration import ReplayConfiguration
    >>> ReplayConfiguration(rule="MSTDPET", signals="signals.npz", parameters={"tau_e": "50*ms"}).form
    'rate'
    """

    command: ClassVar[str] = "replay"
    set_into: ClassVar[str] = "parameters"
    set_example: ClassVar[str] = "tau_e=25*ms"
    of_spikes: ClassVar[tuple[str, ...]] = ("pre_cells", "post_cells", "time_unit", "start", "stop", "clip", "merge")
    later: ClassVar[frozenset[str]] = frozenset({"plugins", "pre_spikes", "post_spikes", "w0", *of_spikes})

    rule: Annotated[str, setting("Rule, e.g. MSTDPET, BCM, BTSP or DendriticState.", metavar="NAME")]
    signals: Annotated[
        str | None,
        setting(
            "Arrays pre (steps, n_pre), post (steps, n_post), w0 (n_post, n_pre), and modulator where needed.",
            metavar="FILE.npz",
        ),
    ] = None
    pre_spikes: Annotated[
        str | None,
        setting(
            "Spike trains for pre: a CSV file with the columns time_ms (or time_s) and cell, or an NWB file.",
            metavar="FILE",
        ),
    ] = None
    post_spikes: Annotated[str | None, setting("The same for post; it may be the same file.", metavar="FILE")] = None
    pre_cells: Annotated[
        str | None, setting("Which cells of the file are pre, in this order. Default: all.", metavar="0-63,70")
    ] = None
    post_cells: Annotated[
        str | None, setting("Which cells of the file are post, in this order. Default: all.", metavar="0-63,70")
    ] = None
    w0: Annotated[
        float | None, Number, setting("Weight of every synapse before the first row, for w0.", metavar="W")
    ] = None
    time_unit: Annotated[
        Literal["s", "ms", "us"] | None, setting("Unit of times in a CSV column that is called just 'time'.")
    ] = None
    start: Annotated[Real, setting("Where the window of the spike trains begins, in ms.", metavar="MS")] = 0.0
    stop: Annotated[float | None, Number, setting("Where it ends, in ms: spike trains need it.", metavar="MS")] = None
    clip: Annotated[bool, setting("Leave out spikes outside of the window, which are refused otherwise.")] = False
    merge: Annotated[
        bool, setting("Let spikes of a cell in one time step be one spike; they are refused otherwise.")
    ] = False
    parameters: Annotated[Values, setting("Parameters of the rule, such as tau_e: 25*ms.")] = {}
    keep: Annotated[
        Literal["all", "last"],
        setting("Weights and states after every row, or the last weights alone: for large projections."),
    ] = "all"
    form: Annotated[Literal["rate", "spiking"], setting("Arithmetic on arrays, or Brian2 synapses.")] = "rate"
    dt: Dt = 1.0
    device: Device = None
    out: Out = "results/replay"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        spikes = self.pre_spikes, self.post_spikes
        if self.signals is None and (None in spikes or self.w0 is None):
            raise ValueError("'replay' needs --signals, or --pre-spikes, --post-spikes and --w0")
        fields = type(self).model_fields
        if spikes == (None, None):
            for name in self.of_spikes:
                if getattr(self, name) != fields[name].default:
                    raise ValueError(f"--{flag(name)} is for spike trains: give --pre-spikes or --post-spikes")
        elif self.stop is None:
            raise ValueError("spike trains need --stop, where the recording ends, in ms")
        elif not self.start < self.stop:
            raise ValueError(f"--stop must be after --start, got {self.start:g} to {self.stop:g} ms")
        return self

    def absolute(self) -> Self:
        return with_absolute_places(self)

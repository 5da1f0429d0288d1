"""Two layers of pyramidal cells that send events up and bursts down, through synapses with short-term plasticity.

A current into the somata of the first layer sets its event rate, which the second layer follows. A current into the
dendrites of the second layer sets its burst probability. Its bursts come back to the dendrites of the first layer,
whose burst probability follows the burst rate of the second. Depressing synapses read events, facilitating ones bursts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, Network, SpikeMonitor, Synapses, ms, mV, pA, second
from recurrent.own_device import run_own

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import AdEx, NaudCell
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.synapses import BackgroundInput, BurstDetector, ShortTermPlasticity

__all__ = ["SIGNALS", "Propagation", "correlations", "propagate"]

DT = 0.1 * ms
P, DELAY = 0.05, 0.8 * ms  # probability of a connection
BIN = 0.05  # s
SOMA_PERIOD, DEND_PERIOD = 0.5, 0.5 * 5**0.5  # s, of both currents
#: Noise of the cells: a compartment, the weights of excitation and inhibition; each source has 500 Hz.
NOISE = {
    "layers": (("soma", 0.35, 0.35), ("dend", 0.05, 0.05)),
    "pv": (("soma", 0.75, 1.125),),
    "som": (("soma", 0.4, 0.5),),
}
#: What is set beside what follows it, and last the two pairs that should not follow each other.
SIGNALS = (
    ("soma1_pA", "event_rate_1"),
    ("dend2_pA", "burst_probability_2"),
    ("event_rate_1", "event_rate_2"),
    ("burst_rate_2", "burst_probability_1"),
    ("dend2_pA", "event_rate_2"),
    ("dend2_pA", "event_rate_1"),
)


@dataclass(frozen=True)
class Propagation:
    """Settings of the network.

    Attributes
    ----------
    n : int
        Pyramidal cells of each layer; there are a quarter as many interneurons of both kinds. The number of inputs of
        a cell is that of 4000, so that weights do not change with `n`.
    settled, seconds : float
        Both currents begin to change after `settled` s, and the run ends `seconds` s later.
    """

    n: int = 4000
    settled: float = 1.0
    seconds: float = 3.0

    def __post_init__(self) -> None:
        if self.n < 4000 * P:
            raise SpikedtpError(
                f"layers of {self.n} cells are too small, as each cell hears {4000 * P:g} of them: use at least "
                f"{4000 * P:g}"
            )
        if not (self.settled > 0 and self.seconds >= 4 * BIN):
            raise SpikedtpError(
                f"Propagation: settled must be above 0 and seconds at least {4 * BIN:g} s, for four bins"
            )

    @property
    def p(self) -> float:
        return 4000 * P / self.n


def propagate(model: Propagation, seed: int, device: str) -> tuple[pd.DataFrame, float]:
    """Both currents and the rates of all populations in bins of 50 ms, and the CPU seconds of the time steps."""
    spikes, cost = run_own(
        device, lambda: _network(model, seed),
        lambda made: made["net"].run((model.settled + model.seconds) * second, namespace={}),
        lambda made: {name: (np.array(each.i[:]), np.array(each.t[:])) for name, each in made["monitors"].items()},
        seed=seed, dt=DT,
    )  # fmt: skip
    return _binned(model, spikes), cost.steps


def _network(model: Propagation, seed: int) -> dict[str, Any]:
    n, n_inter, own = model.n, model.n // 4, code_object_class()
    more = "\n".join(f"{what}_{where} : amp" for what in ("rest", "swing") for where in ("soma", "dend"))
    layers = NaudCell().group(2 * n, equations=more, dt=DT, name="layers", codeobj_class=own)
    layers.v_soma = np.tile(np.random.default_rng([seed, 23]).normal(-70, 5, n), 2) * mV
    layers.rest_soma, layers.rest_dend = np.repeat([0, -100], n) * pA, np.repeat([50, 100], n) * pA
    layers.swing_soma, layers.swing_dend = np.repeat([200, 0], n) * pA, np.repeat([0, 100], n) * pA
    swing = layers.run_regularly(
        f"_on = int(t >= {model.settled!r}*second)\n"
        + "\n".join(
            f"i_{where} = rest_{where} + _on*swing_{where}*sin(2*pi*t/({period!r}*second))"
            for where, period in (("soma", SOMA_PERIOD), ("dend", DEND_PERIOD))
        ),
        when="start", name="swing",
    )  # fmt: skip
    pv = AdEx.kind("PV").group(n_inter, dt=DT, name="pv", codeobj_class=own)
    som = AdEx.kind("SOM").group(n_inter, dt=DT, name="som", codeobj_class=own)
    pv.i_soma = 205 * pA
    groups = {"layers": layers, "pv": pv, "som": som}
    noise = [
        BackgroundInput(groups[name], f"g_{kind}_{compartment}", 500 * Hz, weight, name=f"{kind}_{compartment}_{name}")
        for name, compartments in NOISE.items()
        for compartment, *weights in compartments
        for kind, weight in zip(("exc", "inh"), weights, strict=True)
    ]
    events = ShortTermPlasticity.named("depressing").terminals(layers, name="event_terminals")
    bursts = ShortTermPlasticity.named("facilitating").terminals(layers, name="burst_terminals")
    one, two = slice(0, n), slice(n, 2 * n)
    parts = {"one": layers[one], "two": layers[two]}
    sent = {"events_1": events[one], "bursts_1": bursts[one], "bursts_2": bursts[two]}
    synapses = [
        _connect(sent["events_1"], parts["two"], "g_exc_soma", 0.05, model.p, released=True),
        _connect(sent["events_1"], pv, "g_exc_soma", 0.05, model.p, released=True),
        _connect(pv, parts["two"], "g_inh_soma", 0.07, model.p),
        _connect(sent["bursts_2"], parts["one"], "g_exc_dend", 0.37, model.p, released=True),
        _connect(sent["bursts_2"], som, "g_exc_soma", 0.3, model.p, released=True),
        _connect(som, parts["one"], "g_inh_dend", 0.035, model.p),
        _connect(sent["bursts_1"], parts["one"], "g_inh_dend", 0.1, model.p, released=True, among=True),
        _connect(sent["bursts_2"], parts["two"], "g_inh_dend", 0.1, model.p, released=True, among=True),
    ]
    detector = BurstDetector(layers, name="detected")
    heard = {"events": detector.events, "bursts": detector.bursts, "pv": pv, "som": som}
    monitors = {name: SpikeMonitor(group, name=f"heard_{name}") for name, group in heard.items()}
    objects = [layers, swing, pv, som, *noise, events, bursts, *parts.values(), *sent.values(), *synapses]
    return {"net": Network(*objects, *detector.groups, *monitors.values()), "monitors": monitors}


def _connect(source: Any, target: Any, onto: str, weight: float, p: float, *, released: bool = False,
             among: bool = False) -> Synapses:  # fmt: skip
    """Drawn synapses; the weight is that of each, times what its cell releases."""
    name = f"{source.name}_to_{target.name}_{onto}".replace("subgroup", "part")
    amplitude = "*released_pre" if released else ""
    made = Synapses(source, target, on_pre=f"{onto}_post += {weight!r}{amplitude}", delay=DELAY, name=name)
    made.connect("i != j" if among else None, p=p)
    return made


def _binned(model: Propagation, spikes: dict[str, tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    edges = np.arange(0, model.settled + model.seconds + BIN / 2, BIN)
    middle = edges[:-1] + BIN / 2
    on, n = middle >= model.settled, model.n

    def rate(name: str, start: int, stop: int) -> np.ndarray:
        cells, times = spikes[name]
        inside = (cells >= start) & (cells < stop)
        return np.histogram(times[inside], edges)[0] / ((stop - start) * BIN)

    table = pd.DataFrame({"time_s": middle})
    table["soma1_pA"] = 200 * on * np.sin(2 * np.pi * middle / SOMA_PERIOD)
    table["dend2_pA"] = 100 + 100 * on * np.sin(2 * np.pi * middle / DEND_PERIOD)
    for layer in (1, 2):
        for kind in ("event", "burst"):
            table[f"{kind}_rate_{layer}"] = rate(f"{kind}s", (layer - 1) * n, layer * n)
        table[f"burst_probability_{layer}"] = table[f"burst_rate_{layer}"] / table[f"event_rate_{layer}"]
    for name in ("pv", "som"):
        table[f"{name}_rate"] = rate(name, 0, n // 4)
    return table


def correlations(table: pd.DataFrame, settled: float) -> dict[str, float]:
    """Between what is set and what follows it, in the bins after both currents have begun to change."""
    late = table[table["time_s"] > settled]
    return {f"{a}_and_{b}": float(np.corrcoef(late[a], late[b])[0, 1]) for a, b in SIGNALS}

"""Random networks, each built three times over: with dense synapses, with Brian2's own, and with `SparsePairSynapses`.

A `Case` is nothing but numbers and words. `Twins` builds it: three groups of the same cells, the targets, one beneath
each kind of synapses. Where there is no sparse kind, Brian2's own stand in. What is learnt by rules of spike pairs is
written out for stock synapses from the rule's `pair_form`, one line for each thing that happens in a step.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

import brian2
import numpy as np
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    PoissonGroup,
    Quantity,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    TimedArray,
    amp,
    defaultclock,
    ms,
    mV,
    prefs,
    second,
    volt,
)

from spikedtp.plasticity import MSTDP, MSTDPET, STDP, Clopath, TripletSTDP
from spikedtp.spiking.rule_synapses.pairs import PairSynapses
from spikedtp.spiking.rule_synapses.sparse_pairs import SparsePairSynapses
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["Case", "Twins", "case_of"]

UNITS = {"1": 1, "volt": volt, "amp": amp}
PARTS = {"float32": np.float32, "float64": np.float64}
#: code for single synapses -> (on_pre, on_post, whether the source must have a trace)
CODES = {
    "static": ("", "", False),
    "hebb": ("w = clip(w + 0.125*y_post, 0, 2)", "w = clip(w - 0.0625*x_pre, 0, 2)", True),
    "to variables": (
        "c_post += 0.25*w\nu_post *= 0.9\nw = clip(0.75*w + 0.01*j - 0.003*i, 0, 2)",
        "c_pre += 0.5*w",
        True,
    ),
    "from the target": ("w = clip(w + 0.0625*(y_post - 0.5), 0, 2)", "", False),
}
RULES = {
    "STDP": lambda lag, traces, tau: STDP(
        learning_rate=0.02, a_minus=-0.9, tau_plus=tau, convention=lag, traces=traces
    ),
    "STDP bounded": lambda lag, traces, tau: STDP(
        learning_rate=0.2, w_min=0.0, w_max=0.9, tau_minus=tau, traces=traces
    ),
    "STDP from below": lambda lag, traces, tau: STDP(learning_rate=0.2, w_min=0.1, a_minus=-1.3, tau_minus=tau),
    "MSTDP": lambda lag, traces, tau: MSTDP(learning_rate=0.05, tau_plus=tau, convention=lag, traces=traces),
    "MSTDPET": lambda lag, traces, tau: MSTDPET(learning_rate=0.1, tau_e=tau, convention=lag, traces=traces),
    "Clopath": lambda lag, traces, tau: Clopath(
        a_ltd=1e-4 * mV**-1,
        a_ltp=2e-6 * mV**-2,
        theta_minus=200 * mV,
        theta_plus=700 * mV,
        u_rest=50 * mV,
        tau_x=tau,
        tau_mean=25 * ms,
        tau_plus=5 * ms,
        u_ref=None if traces == "nearest" else 400 * mV,
        w_min=None if lag == "lag" else 0.0,
        w_max=0.9,  # without it voltage and weights drive each other
    ),
    "TripletSTDP": lambda lag, traces, tau: TripletSTDP(learning_rate=2.0, tau_plus=tau, traces=traces),
}


#: What stock synapses with Clopath's rule read of their cells, written once more; it is in volt.
VOLTAGE = "below : volt\nabove : volt\nmean : volt\nbefore : 1\nfall : 1\nrise : 1"
VOLTAGE_STEP = """
fall = (below/mV - 200)*int(below > 200*mV)
rise = (v/mV - 700)*int(v > 700*mV)*(above/mV - 200)*int(above > 200*mV)*dt/ms
before = ((mean/mV - 50)/400)**2
mean += (below - mean)*(1 - exp(-dt/(25*ms)))
below += (v - below)*(1 - exp(-dt/(10*ms)))
above += (v - above)*(1 - exp(-dt/(5*ms)))
"""


@dataclass(frozen=True)
class Link:
    """One pair of synapse objects."""

    kind: str  # of CODES or RULES
    onto: str | None
    weight_type: str
    gain: str  # none, number, unit, parameter, shared variable
    delay: float | None  # in ms
    delay_steps: int
    lag: bool
    nearest: bool
    tau: float
    modulator: str
    connected: str  # all, sparse, no autapses, one to one
    spread: bool  # whether each synapse has a delay of its own


@dataclass(frozen=True)
class Case:
    number: int
    source: str  # listed, poisson, cells, same
    pre: tuple[int, int, int]  # cells, first, number
    post: tuple[int, int, int]
    unit: str
    types: dict = field(hash=False)  # of v, u
    refractory: str  # none, time, condition
    frozen: tuple[bool, bool]  # whether v, u are (unless refractory)
    clock: str  # default, own, equal
    built: float  # dt as the network is made, in ms
    runs: tuple[tuple[float, int], ...]  # dt and duration, both in ms
    restored: bool
    float_type: str
    links: tuple[Link, ...]


def _part(rng: Random) -> tuple[int, int, int]:
    n = rng.choice([1, 2, 7, 16, 33, 70])
    first = rng.choice([0, n // 5, n // 2])
    return n, first, rng.choice([1, (n - first + 1) // 2, n - first])


def case_of(number: int, device: str = "runtime", float_type: str = "") -> Case:
    """The random case of that number."""
    rng = Random(number)
    source = rng.choice(["listed", "cells", "same", "poisson"])
    dts, durations = [1.0, 0.5, 0.25, 0.1], [11, 24, 47]
    runs = [(rng.choice(dts), rng.choice(durations)) for _ in range(rng.choice([1, 2, 2]))]
    if rng.random() < 0.3:
        runs = [(runs[0][0], duration) for _, duration in runs]
    growing = any(b > a for (a, _), (b, _) in pairwise(runs))
    changing = len({dt for dt, _ in runs}) > 1
    late = not growing and (device == "runtime" or not changing)  # Brian2's own lose or shift spikes there
    types = {name: rng.choice(["float64", "float64", "float32"]) for name in "vu"}
    float_type = float_type or rng.choice(["float64", "float64", "float32"])
    links = []
    sparse = Random(f"which synapses there are in case {number}")
    for _ in range(rng.choice([1, 2, 3])):
        kind = rng.choice([*CODES, *(rule for rule in RULES if rule != "Clopath")])
        if kind in CODES and CODES[kind][2] and source in ("listed", "poisson"):
            kind = "from the target"
        weight_type = rng.choice(["float64", "float64", "float32"])
        # rounding may decide whether a cell fires only where there is next to none of it
        exact = types["v"] == float_type == "float64" and (weight_type == "float64" or kind == "static")
        onto = rng.choice(["v", "u"]) if exact else "u"
        time = rng.choice([None, 0.0, 0.3, 0.5, 1.0, 1.5, 2.5, 3.14]) if late and rng.random() < 0.6 else None
        links.append(
            Link(
                kind,
                None if kind != "static" and rng.random() < 0.3 else onto,
                weight_type,
                rng.choice(["none", "number", "unit", "parameter", "shared"]),
                time,
                rng.choice([0, 0, 1, 3]) if time is None and not changing else 0,
                rng.random() < 0.5 and not changing,
                rng.random() < 0.5,
                rng.choice([4.0, 11.0, 20.0]),
                rng.choice(["reward_post", "rewards(t)", "0.5"]),
                sparse.choice(["all", "sparse", "no autapses", "one to one"]),
                sparse.random() < 0.4 and not changing,
            )
        )
    pre, post = _part(rng), _part(rng)
    unit, voltage = rng.choice(list(UNITS)), Random(f"rules of the voltage in case {number}")
    if unit == "volt" and types["v"] == float_type == "float64":
        links = [
            replace(link, kind="Clopath", gain="unit") if link.kind in RULES and voltage.random() < 0.5 else link
            for link in links
        ]
    return Case(
        number,
        source,
        (pre[0], 0, pre[0]) if source == "listed" else pre,  # it has no parts
        post,
        unit,
        types,
        rng.choice(["none", "time", "time", "condition"]),
        (rng.random() < 0.5, rng.random() < 0.5),
        rng.choice(["default", "own", "equal"]),
        rng.choice(dts),
        tuple(runs),
        # Brian2's queue of delayed spikes forgets its time step when it is restored
        rng.random() < 0.5 and device == "runtime" and len(runs) > 1 and not (late and changing),
        float_type,
        tuple(links),
    )


class Twins:
    """The networks of a case in one `Network`, on the active device."""

    def __init__(self, case: Case, prefix: str = "t"):
        self.case, self.prefix = case, prefix
        self.rng, self.own_rng = np.random.default_rng(case.number), np.random.default_rng([case.number, 1])
        prefs.core.default_float_dtype = PARTS[case.float_type]
        brian2.seed(case.number)
        dt = case.built * ms
        defaultclock.dt = dt
        self.clock = defaultclock if case.clock == "default" else Clock(dt, name=f"{prefix}_clock")
        self.post_clock = Clock(dt, name=f"{prefix}_clock2") if case.clock == "equal" else self.clock
        self.net, self.namespace = Network(name=f"{prefix}_net"), {}
        values = self.rng.normal(size=1 + int(sum(duration for _, duration in case.runs)))
        self.namespace["rewards"] = TimedArray(values, dt=1 * ms, name=f"{prefix}_rewards")
        self.seeds = self.rng.integers(2**32, size=2)
        self.groups, self.monitors = {}, {}
        for twin in ("dense", "stock", "sparse"):
            self.groups[twin] = self._cells(f"{prefix}_{twin}", case.post[0], self.post_clock, seed=self.seeds[0])
        self.source = None if case.source == "same" else self._source()
        self.links = {twin: [] for twin in self.groups}
        self.given: list[np.ndarray] = []  # weights and eligibility traces before the first run
        for k, link in enumerate(case.links):
            self._link(k, link)
        for twin, group in self.groups.items():
            self.monitors[twin] = SpikeMonitor(group, name=f"{prefix}_{twin}_spikes")
        self.net.add(*self.groups.values(), *self.monitors.values(), *([self.source] if self.source else []))
        self.net.add(*self.links.values())

    # -- cells -----------------------------------------------------------------------------------------------------

    def _cells(self, name: str, n: int, clock, seed: int) -> NeuronGroup:
        case, rng = self.case, np.random.default_rng(seed)
        flags = [" (unless refractory)" if flag and case.refractory != "none" else "" for flag in case.frozen]
        heard = "u" if case.types["u"] == case.types["v"] == case.float_type == "float64" else "0*u"
        if any(link.onto == "u" and link.kind != "static" and link.weight_type == "float32" for link in case.links):
            heard = "0*u"
        group = NeuronGroup(
            n,
            f"""
            dv/dt = (drive + {heard} - v)/(7*ms) : {case.unit}{flags[0]}
            du/dt = -u/(5*ms) : {case.unit}{flags[1]}
            dx/dt = -x/(9*ms) : 1
            dy/dt = -y/(12*ms) : 1
            drive : {case.unit} (constant)
            c : 1
            reward = rewards(t) : 1 (shared)
            scale = 0.5 : 1 (shared)
            {VOLTAGE if name.endswith("stock") else ""}
            """,
            threshold=f"v > 1.0137*{case.unit}",
            reset=f"v -= 1.0137*{case.unit}\nx += 1\ny += 1",
            refractory={"none": False, "time": 3.3 * ms, "condition": f"v > 0.4*{case.unit}"}[case.refractory],
            method="euler",
            dtype=dict.fromkeys(
                ["x", "y", "c", "drive", "below", "above", "mean", "before", "fall", "rise"], np.float64
            )
            | {k: PARTS[t] for k, t in case.types.items()},
            clock=clock,
            name=name,
            namespace=self.namespace,
        )
        group.drive = rng.uniform(0.6, 3.5, n) * UNITS[case.unit]
        if name.endswith("stock") and any(link.kind == "Clopath" for link in case.links):
            group.run_regularly(VOLTAGE_STEP, when="thresholds", order=-3, clock=clock, name=f"{name}_voltage")
            for trace in ("below", "above", "mean"):
                setattr(group, trace, 50 * mV)
        return group

    def _source(self):
        case, n = self.case, self.case.pre[0]
        name = f"{self.prefix}_source"
        if case.source == "cells":
            return self._cells(name, n, self.clock, seed=self.seeds[1])
        if case.source == "poisson":
            return PoissonGroup(n, 150 * second**-1, clock=self.clock, name=name)
        duration = sum(duration for _, duration in case.runs)
        spikes = np.argwhere(self.rng.random((duration, n)) < 0.15)
        if not self.rng.integers(8):
            spikes = spikes[:0]
        return SpikeGeneratorGroup(n, spikes[:, 1], spikes[:, 0] * ms, clock=self.clock, name=name)

    def _sides(self, twin: str):
        _, first, number = self.case.post
        post = self.groups[twin][first : first + number]
        _, first, number = self.case.pre
        if self.source is None:
            return post, post
        return (self.source if self.case.source == "listed" else self.source[first : first + number]), post

    # -- synapses --------------------------------------------------------------------------------------------------

    def _link(self, k: int, link: Link) -> None:
        rule = None
        if link.kind in RULES:
            words = ("lag" if link.lag else "same-step", "nearest" if link.nearest else "cumulative")
            rule = RULES[link.kind](*words, link.tau * ms)
        unit, scalar = self.case.unit, f"0.75*{self.case.unit}"
        gains = {"none": "1.0", "number": "0.5", "unit": scalar, "parameter": "amount", "shared": f"scale_post*{unit}"}
        gain = gains[link.gain]
        if rule is not None and unit != "1" and link.gain in ("none", "number"):
            gain = unit  # rules know weights without units
        if rule is not None and link.gain == "parameter":
            gain = scalar
        plain = link.onto is None or gain not in ("1.0", "0.5")  # whether weights have no units
        if not plain and link.kind not in ("static", *RULES):
            gain, plain = unit, True  # nor does code know weights with units
        w_unit = "1" if plain else unit
        n_post, n_pre = (len(side) for side in reversed(self._sides("dense")))
        mask = self._mask(link, (n_post, n_pre))
        late = None
        if link.spread:  # all whole steps, and others
            late = self.own_rng.choice([0, 0.1, 0.25, 0.5, 1, 1.3, 2, 3.14, 5], size=mask.shape) * ms
        weights = self.rng.integers(0, 64, size=(n_post, n_pre)) / 64
        if self.rng.random() < 0.5:
            weights *= self.rng.choice([-1, 1], size=weights.shape)
        weights /= max(1, n_pre // 4)
        if rule is not None and rule.pair_form().bounded:
            weights = weights.clip(*rule.pair_form().bounds)
        make = {
            "dense": self._dense(k, link, rule, gain, mask, late),
            "stock": self._stock("stock", k, link, rule, gain, w_unit, mask, late),
        }
        if rule is None or rule.pair_form().lag:
            make["sparse"] = self._stock("sparse", k, link, rule, gain, w_unit, mask, late)
        else:
            make["sparse"] = self._sparse(k, link, rule, gain, mask, late)
        for twin, synapses in make.items():
            values = weights * UNITS[w_unit]
            if twin == "dense":
                weights = weights * mask
                self.given += [weights] + ([np.zeros_like(weights)] if link.kind == "MSTDPET" else [])
                synapses.weights = values
            else:
                synapses.w = Quantity(values.T[mask.T])
            self.links[twin].append(synapses)

    def _mask(self, link: Link, shape: tuple[int, int]) -> np.ndarray:
        if link.connected == "one to one":
            return np.eye(*shape, dtype=bool)
        mask = np.ones(shape, bool)
        if link.connected == "sparse":
            mask = self.own_rng.random(shape) < self.own_rng.choice([0.1, 0.5, 0.9])
        elif link.connected == "no autapses":
            mask ^= np.eye(*shape, dtype=bool)
        mask[0, 0] |= not mask.any()  # stock synapses cannot be none at all
        return mask

    def _dense(self, k: int, link: Link, rule, gain: str, mask: np.ndarray, late: Quantity | None) -> DenseSynapses:
        options = {"dtype": link.weight_type, "name": f"{self.prefix}_dense{k}", "namespace": self.namespace}
        if link.onto is not None:
            options |= {"gain": gain}
            options |= {"delay": link.delay * ms} if link.delay is not None else {"delay_steps": link.delay_steps}
            options |= {} if late is None else {"delay": late, "delay_steps": 0}
        connected = {"one to one": "i == j", "no autapses": "i != j" if mask.size > 1 else None}
        if link.connected == "sparse":
            options |= {"mask": mask}
        synapses = self._unconnected(link, rule, options)
        if link.connected in connected:
            synapses.connect(connected[link.connected])
        np.testing.assert_array_equal(True if synapses.mask is None else synapses.mask, mask)
        return synapses

    def _unconnected(self, link: Link, rule, options: dict) -> DenseSynapses:
        if rule is not None:
            return PairSynapses(*self._sides("dense"), link.onto, rule=rule, modulator=link.modulator, **options)
        options |= {"parameters": {"amount": 0.75 * UNITS[self.case.unit]}}
        synapses = DenseSynapses(*self._sides("dense"), link.onto, **options)
        on_pre, on_post, _ = CODES[link.kind]
        if on_pre:
            synapses.on_pre(on_pre)
        if on_post:
            synapses.on_post(on_post)
        return synapses

    def _sparse(self, k: int, link: Link, rule, gain: str, mask: np.ndarray, spread: Quantity | None):
        options = {"name": f"{self.prefix}_sparse{k}", "namespace": self.namespace, "clock": self.clock}
        gains = {"amount": 0.75 * UNITS[self.case.unit]}
        synapses = SparsePairSynapses(
            *self._sides("sparse"), link.onto, rule=rule, modulator=link.modulator, gain=gain if link.onto else "1.0",
            dtype={"w": PARTS[link.weight_type]}, **options | {"namespace": self.namespace | gains},
        )  # fmt: skip
        late = link.delay * ms if link.delay is not None else link.delay_steps * self.case.runs[0][0] * ms
        each = np.full(mask.shape, float(late)) if spread is None else np.asarray(spread)
        synapses.connect_mask(mask, None if link.onto is None else each * second)
        return synapses

    def _stock(
        self, twin: str, k: int, link: Link, rule, gain: str, w_unit: str, mask: np.ndarray, spread: Quantity | None
    ) -> Synapses:
        source, target = self._sides(twin)
        unit = self.case.unit
        model = f"w : {w_unit}\namount : {unit} (shared, constant)\n"
        pre, post, every = {}, {}, {}
        if link.onto is not None:
            pre["arrive"] = f"{link.onto}_post += {gain}*w"
        if rule is not None:
            words = voltage_in_words(rule) if link.kind == "Clopath" else in_words(rule.pair_form(), link)
            more, pre_rule, post_rule, every = words
            model, pre, post = model + more, pre | pre_rule, post | post_rule
        else:
            on_pre, on_post, _ = CODES[link.kind]
            pre, post = pre | ({"p1": on_pre} if on_pre else {}), post | ({"q2": on_post} if on_post else {})
        synapses = Synapses(
            source,
            target,
            model,
            on_pre=pre or None,
            on_post=post or None,
            clock=self.clock,
            dtype=dict.fromkeys(["rx", "ry", "rsx", "rsy", "z", "pending", "at", "z_at", "amount"], np.float64)
            | {"w": PARTS[link.weight_type]},
            name=f"{self.prefix}_{twin}{k}",
            namespace=self.namespace,
        )
        exist = np.nonzero(mask.T)
        synapses.connect(i=exist[0], j=exist[1])
        synapses.amount = 0.75 * UNITS[unit]
        for name in pre | post:
            path = getattr(synapses, name)
            path.when, path.order = "synapses", 0 if name == "arrive" else 10 * int(name[1:])
        if link.onto is not None:
            late = link.delay * ms if link.delay is not None else link.delay_steps * self.case.runs[0][0] * ms
            synapses.arrive.delay = late if spread is None else spread.T[mask.T]
        for order, code in every.items():
            name = f"{synapses.name}_{order}"
            synapses.run_regularly(code, when="synapses", order=order, clock=self.clock, name=name)
        return synapses

    # -- runs ------------------------------------------------------------------------------------------------------

    def run(self, k: int) -> None:
        dt, duration = self.case.runs[k]
        for clock in {self.clock, self.post_clock} if self.case.clock != "default" else {defaultclock}:
            clock.dt = dt * ms
        self.net.run(duration * ms, namespace={})

    def found(self) -> dict[str, list]:
        """twin -> arrays that must be equal."""
        results = {}
        for twin, group in self.groups.items():
            found = [np.asarray(self.monitors[twin].i[:]), np.asarray(self.monitors[twin].t_[:])]
            found += [np.asarray(group.variables[name].get_value()) for name in ("v", "u", "c")]
            for dense, ours, link in zip(self.links["dense"], self.links[twin], self.case.links, strict=True):
                for name in ("w", "z") if link.kind == "MSTDPET" else ("w",):
                    if twin == "dense":
                        found.append(dense.matrix(np.asarray(dense.variables[name].get_value())))
                    else:
                        values = np.zeros((dense.n_post, dense.n_pre))
                        values[np.asarray(ours.j[:]), np.asarray(ours.i[:])] = ours.variables[name].get_value()
                        found.append(values)
            results[twin] = found
        return results


def in_words(form, link: Link) -> tuple[str, dict, dict, dict]:
    """A pair form for stock synapses: model, code after spikes of either side, code for each step; numbers are orders.

    Each synapse has traces of its own, which any code that needs them first brings up to date.
    """

    def number(value) -> str:
        return repr(float(value))

    jump, reward = "=" if form.nearest else "+=", link.modulator if form.modulated else "1.0"
    taus = {"rx": form.pre.tau, "ry": form.post.tau}
    pre, post = {"p1": f"rx {jump} {number(form.pre.jump)}"}, {"q1": f"ry {jump} {number(form.post.jump)}"}
    gains = [number(gain) for gain in form.gains]
    if form.slow_pre is not None:
        taus |= {"rsx": form.slow_pre.tau, "rsy": form.slow_post.tau}
        pre["p4"], post["q4"] = f"rsx {jump} {number(form.slow_pre.jump)}", f"rsy {jump} {number(form.slow_post.jump)}"
        slow = zip(gains, form.slow_gains, ("rsx", "rsy"), strict=True)
        gains = [f"({gain} + {number(more)}*{trace})" for gain, more, trace in slow]
    terms, rate = {"p2": f"{gains[0]}*ry", "q3": f"{gains[1]}*rx"}, number(form.learning_rate)
    if form.lag or form.tau_e is not None:
        change = {name: f"pending += {term}" for name, term in terms.items()}
    else:
        change = {name: f"w += {rate}*{reward}*{term}" for name, term in terms.items()}
        if form.bounded:
            ends = zip(form.bounds, ("-inf", "inf"), strict=True)
            low, high = (end if bound is None else bound for bound, end in ends)
            change = {name: f"{code}\nw = clip(w, {low}, {high})" for name, code in change.items()}
    pre["p2"], post["q3"] = change["p2"], change["q3"]
    decay = "".join(f"{trace} = {trace}*exp(-(t - at)/({float(tau)}*second))\n" for trace, tau in taus.items())
    pre, post = ({name: f"{decay}at = t\n{code}" for name, code in codes.items()} for codes in (pre, post))
    every = {}
    if form.tau_e is not None:
        tau = f"({float(form.tau_e)}*second)"
        code = f"z = z*exp(-(t - z_at)/{tau}) + pending*ms/{tau}\nw += {rate}*{reward}*z*dt/ms\nz_at = t\npending = 0"
        every[5 if form.lag else 50] = code
    elif form.lag:
        every[5] = f"w += {rate}*{reward}*pending\npending = 0"
    model = "pending : 1\nz : 1\nz_at : second\nat : second\n" + "".join(f"{trace} : 1\n" for trace in taus)
    return model, pre, post, every


def voltage_in_words(rule: Clopath) -> tuple[str, dict, dict, dict]:
    """Clopath's rule as `in_words` has others: in every step, whatever the voltage."""
    low, high = (("-inf", "inf")[k] if bound is None else bound for k, bound in enumerate(rule.bounds))
    tau, clip = f"({float(rule.tau_x)}*second)", f"\nw = clip(w, {low}, {high})"
    slow = "" if rule.u_ref is None else "*before_post"
    pre = {"p1": f"rx += ms/{tau}", "p2": f"w -= {float(rule.a_ltd * mV)}*fall_post{slow}{clip}"}
    every = {5: f"rx *= exp(-(t - at)/{tau})\nat = t", 35: f"w += {float(rule.a_ltp * mV**2)}*rx*rise_post{clip}"}
    return "rx : 1\nat : second\n", pre, {}, every

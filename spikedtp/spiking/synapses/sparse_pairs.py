"""Brian2's own synapses with the rules of spike pairs: for sparse networks, in which most cells are not connected.

Each synapse has its own traces. They are event-driven: exact, and computed only when one of its two cells fires.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from brian2 import Synapses
from brian2.groups.group import Group
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import TimedRule
from spikedtp.plasticity.pair_form import PairForm
from spikedtp.spiking.synapses.checks import expression
from spikedtp.spiking.synapses.delay import Delay
from spikedtp.spiking.synapses.ends import Cells
from spikedtp.spiking.synapses.pairs import check_pair_rule

__all__ = ["SparsePairSynapses"]

#: Orders within the slot: weights are read before the rule acts, and fast traces jump before any weight changes.
ARRIVE, JUMP, PRE, POST, REWARD = -1, 0, 1, 2, 3


class _Code(NamedTuple):
    """A rule in Brian2's words: equations, code by pathway, and code for every time step."""

    model: str
    on_pre: dict[str, str]
    on_post: dict[str, str]
    every_step: str = ""


class SparsePairSynapses(Synapses):
    """Brian2's `Synapses` that learn by a rule of spike pairs. They change weights as `PairSynapses` do.

    They need time and memory for existing synapses alone. `connect`, ``w`` (one number for each synapse), ``i``, ``j``
    and monitors are those of Brian2. For which networks they are the quicker choice is told in the documentation. An
    eligibility trace (`MSTDPET`) is updated in every time step.

    Parameters
    ----------
    source, target, onto
        As in `DenseSynapses`. Spikes arrive by the pathway ``arrive``, so that ``synapses.arrive.delay`` can be set for
        each synapse after `connect`.
    rule : TimedRule
        `STDP`, `TripletSTDP`, `MSTDP` or `MSTDPET`, with the convention "same-step".
    modulator : str, optional
        As in `PairSynapses`.
    gain : str, float or Quantity
        Factor on the weights, which have no units, in the units of `onto`.
    delay : Quantity (second), optional
        One delay of arrival for all synapses. The rule sees spikes when they are fired.
    when : str
        Slot of the time step in which all this happens.
    **options
        Of `brian2.Synapses`, such as `name`, `dtype` or `namespace`. The `clock` is that of `source` by default.

    Raises
    ------
    SpikedtpError
        The rule is not one of spike pairs or has a lag, the modulator is missing, or cells cannot fire.

    Examples
    --------
    >>> from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, ms, prefs
    >>> from spikedtp.plasticity import STDP
    >>> from spikedtp.synapses import SparsePairSynapses
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> inputs = SpikeGeneratorGroup(3, [0, 1, 0], [1, 2, 6] * ms, dt=1 * ms, name="doc_sparse_inputs")
    >>> cells = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0", dt=1 * ms, name="doc_sparse_cells")
    >>> synapses = SparsePairSynapses(inputs, cells, "v", rule=STDP(learning_rate=0.01), name="doc_sparse")
    >>> synapses.connect("i != j")
    >>> synapses.w = 0.8
    >>> Network(inputs, cells, synapses).run(10 * ms)
    >>> prefs.codegen.target = target
    >>> [(int(i), int(j), round(float(w), 3)) for i, j, w in zip(synapses.i, synapses.j, synapses.w)]
    [(0, 1, 0.817), (1, 0, 0.8), (2, 0, 0.8), (2, 1, 0.8)]
    """

    def __init__(
        self,
        source: Group,
        target: Group,
        onto: str | None = None,
        *,
        rule: TimedRule,
        modulator: str = "",
        gain: str | float | Quantity = "1.0",
        delay: Quantity | None = None,
        when: str = "synapses",
        name: str = "sparsepairs*",
        **options: Any,
    ):
        owner = type(self).__name__ + ("" if name.endswith("*") else f" {name!r}")
        form = check_pair_rule(rule, type(self).__name__)
        if form.modulated and not modulator:
            raise SpikedtpError(f"{owner}: {rule.name} needs a modulator: an expression such as 'reward_post'")
        if form.lag:
            raise SpikedtpError(f"{owner}: {rule.name} with convention 'lag' needs PairSynapses: or use 'same-step'")
        ends = [Cells(owner, "source", source), Cells(owner, "target", target)]
        for end in ends:
            end.must_fire(f"{rule.name} needs spikes on both sides")
        code = _in_words(form, modulator)
        late = Delay(owner, delay, 0)
        if onto is not None:
            ends[1].target(onto)
            code.on_pre["arrive"] = f"{onto}_post += ({expression(owner, 'gain', gain)})*w"
        elif late:
            raise SpikedtpError(f"{owner}: a delay is that of arrival at a variable: give onto, or no delay")
        super().__init__(
            source,
            target,
            code.model,
            on_pre=code.on_pre,
            on_post=code.on_post,
            delay={"arrive": delay} if late else None,
            name=name,
            **{"method": "exact", "namespace": {}, "clock": source.clock} | options,
        )
        orders = {"arrive": ARRIVE, "jump_x": JUMP, "jump_y": JUMP, "learn_pre": PRE, "learn_post": POST}
        for pathway in (*code.on_pre, *code.on_post):
            path = getattr(self, pathway)
            path.when, path.order = when, orders[pathway]
        if code.every_step:
            self.run_regularly(code.every_step, when=when, order=REWARD, clock=self.clock, name=f"{self.name}_rewarded")


def _in_words(form: PairForm, modulator: str) -> _Code:
    """A pair form as code for stock synapses; its docstring tells the order of things."""
    jump = "=" if form.nearest else "+="
    traces = {"x": form.pre, "y": form.post}
    pre, post = (_number(gain) for gain in form.gains)
    after = {"x": "", "y": ""}
    if form.slow_pre is not None and form.slow_post is not None:
        traces |= {"slow_x": form.slow_pre, "slow_y": form.slow_post}
        after = {side: f"\nslow_{side} {jump} {_number(traces[f'slow_{side}'].jump)}" for side in "xy"}
        pre += f" + {_number(form.slow_gains[0])}*slow_x"
        post += f" + {_number(form.slow_gains[1])}*slow_y"
    model = "w : 1\n" + "".join(
        f"d{name}/dt = -{name}/({_number(float(trace.tau))}*second) : 1 (event-driven)\n"
        for name, trace in traces.items()
    )
    change, every = f"w += {_number(form.learning_rate)}*", ""
    if form.tau_e is not None:
        change, model = "pending += ", model + "z : 1\npending : 1\n"
        tau_e = f"({_number(float(form.tau_e))}*second)"
        every = f"z = z*exp(-dt/{tau_e}) + pending*ms/{tau_e}\npending = 0\n"
        every += f"w += {_number(form.learning_rate)}*({modulator})*z*dt/ms"
    elif form.modulated:
        change += f"({modulator})*"
    clip = ""
    if form.bounded:
        low, high = (("-inf", "inf")[k] if bound is None else _number(bound) for k, bound in enumerate(form.bounds))
        clip = f"\nw = clip(w, {low}, {high})"
    return _Code(
        model,
        {"jump_x": f"x {jump} {_number(form.pre.jump)}", "learn_pre": f"{change}({pre})*y{clip}{after['x']}"},
        {"jump_y": f"y {jump} {_number(form.post.jump)}", "learn_post": f"{change}({post})*x{clip}{after['y']}"},
        every,
    )


def _number(value: float) -> str:
    return repr(float(value))

"""A rule of spike pairs as code for Brian2's own `Synapses`, with event-driven traces: text that a script can paste."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity.pair_form import PairForm, VoltageTraces

__all__ = ["StockCode", "clip_line", "pair_terms", "rate_factor", "stock_code", "voltage_code"]

#: Orders within the slot: weights are read before the rule acts, and fast traces jump before any weight changes.
ORDERS = {"arrive": -1, "jump_pre": 0, "jump_post": 0, "learn_pre": 1, "learn_post": 2, "learn_high": 2}
EVERY_STEP = 3
#: The traces of a synapse. Groups of cells have many an x and y, and Brian2 refuses two variables of one name.
PRE, POST = "pre_trace", "post_trace"


@dataclass(frozen=True)
class StockCode:
    """A rule in Brian2's words. ``print(code)`` shows a script that can be pasted.

    Attributes
    ----------
    model : str
        Equations of a synapse, whose weight is ``w``.
    on_pre, on_post : dict
        Pathway -> code after a presynaptic or postsynaptic spike. Fast traces jump in pathways of their own, so that
        spikes in one time step count on both sides.
    orders : dict
        Pathway -> its order in the slot "synapses".
    every_step : str
        Code of each synapse in every time step (eligibility traces).
    post_model, post_step : str
        For a rule of the voltage: equations that the postsynaptic group needs, and its code in every step, in the slot
        "thresholds" with the order -2.
    post_start : dict
        Variable of the postsynaptic group -> expression of its first value. Others begin at 0.
    high : str
        For a rule of the voltage: the condition for which the postsynaptic group has an event `high`, in the slot
        "thresholds" with the order -1. The pathway `learn_high` follows it.
    events : dict
        The argument of that name of the postsynaptic group.

    Examples
    --------
    >>> from spikedtp.plasticity import STDP
    >>> code = STDP(learning_rate=0.01).stock_code("v")
    >>> print(code)
    synapses = Synapses(
        source, target,
        '''
        w : 1
        dpre_trace/dt = -pre_trace/(0.02*second) : 1 (event-driven)
        dpost_trace/dt = -post_trace/(0.02*second) : 1 (event-driven)
        ''',
        on_pre={
            'arrive': 'v_post += w',
            'jump_pre': 'pre_trace += 1.0',
            'learn_pre': 'w += 0.01*post_trace',
        },
        on_post={
            'jump_post': 'post_trace += -1.0',
            'learn_post': 'w += 0.01*pre_trace',
        },
        method='exact',
    )
    synapses.arrive.order = -1
    synapses.jump_pre.order = 0
    synapses.learn_pre.order = 1
    synapses.jump_post.order = 0
    synapses.learn_post.order = 2
    """

    model: str
    on_pre: dict[str, str]
    on_post: dict[str, str]
    every_step: str = ""
    post_model: str = ""
    post_step: str = ""
    post_start: dict[str, str] = field(default_factory=dict)
    high: str = ""

    @property
    def events(self) -> dict[str, str]:
        return {"high": self.high} if self.high else {}  # a new one, since Brian2 adds the threshold to it

    @property
    def orders(self) -> dict[str, int]:
        return {name: ORDERS[name] for name in (*self.on_pre, *self.on_post)}

    def __str__(self) -> str:
        lines = []
        if self.events:
            lines += ["# in the equations of target:", *_comment(self.post_model)]
            lines += [f"# target = NeuronGroup(..., events={self.events})"]
            lines += [f"target.set_event_schedule({name!r}, when='thresholds', order=-1)" for name in self.events]
            lines += [f"target.run_regularly({_block(self.post_step, '')}, when='thresholds', order=-2)"]
            lines += [*(f"target.{name} = {value!r}" for name, value in self.post_start.items()), ""]
        lines += ["synapses = Synapses(", "    source, target,", f"    {_block(self.model)},"]
        for name, pathways in (("on_pre", self.on_pre), ("on_post", self.on_post)):
            listed = [f"        {key!r}: {_text(code)}," for key, code in pathways.items()]
            lines += [f"    {name}={{", *listed, "    },"]
        lines += [f"    on_event={{'learn_{name}': {name!r}}}," for name in self.events]
        lines += ["    method='exact',", ")"]
        lines += [f"synapses.{name}.order = {order}" for name, order in self.orders.items()]
        if self.every_step:
            lines += [f"synapses.run_regularly({_block(self.every_step, '')}, when='synapses', order={EVERY_STEP})"]
        return "\n".join(lines)


def stock_code(
    form: PairForm,
    *,
    onto: str | None = None,
    gain: str = "1.0",
    modulator: str = "",
    voltage: str = "v",
    factors: tuple[str, str] = ("ltd_post", "ltp_post"),
) -> StockCode:
    """The code of a form; its docstring tells the order of things.

    Parameters
    ----------
    form : PairForm
    onto, gain
        A spike adds gain*w to this variable of the postsynaptic cell.
    modulator : str
    voltage : str
        The variable of the postsynaptic cells from which a rule of the voltage learns.
    factors : (str, str)
        The names of the two factors of a rule of the voltage in the code of a synapse.

    Raises
    ------
    SpikedtpError
        The form has a lag.
    """
    if form.lag:
        raise SpikedtpError("a rule with convention 'lag' has no code for Brian2's Synapses: use 'same-step'")
    jump = "=" if form.nearest else "+="
    traces = {PRE: form.pre}
    after = {PRE: "", POST: ""}
    if form.post is not None:
        traces[POST] = form.post
    if form.slow_pre is not None and form.slow_post is not None:
        traces |= {f"slow_{PRE}": form.slow_pre, f"slow_{POST}": form.slow_post}
        after = {side: f"\nslow_{side} {jump} {_number(traces[f'slow_{side}'].jump)}" for side in after}
    model = "w : 1\n" + "".join(
        f"d{name}/dt = -{name}/({_number(trace.tau)}*second) : 1 (event-driven)\n" for name, trace in traces.items()
    )
    scale, every, clip = rate_factor(form), "", clip_line(form)
    change = f"w += {scale}"
    if form.tau_e is not None:
        change, model = "pending += ", model + "z : 1\npending : 1\n"
        tau_e = f"({_number(form.tau_e)}*second)"
        every = f"z = z*exp(-dt/{tau_e}) + pending*ms/{tau_e}\npending = 0\n"
        every, clip = every + f"w += {scale}({modulator})*z*dt/ms{clip}", ""  # of the whole step
    elif form.modulated:
        change += f"({modulator})*"
    y, more = (POST, PRE) if form.voltage is None else (factors[0], f"{PRE}*{factors[1]}")
    pre, post = pair_terms(form, more, y, f"slow_{PRE}", f"slow_{POST}")
    on_pre = {"jump_pre": f"{PRE} {jump} {_number(form.pre.jump)}", "learn_pre": f"{change}{pre}{clip}{after[PRE]}"}
    if onto is not None:
        on_pre = {"arrive": f"{onto}_post += {_factor(gain)}w"} | on_pre
    learn = f"{change}{post}{clip}{after[POST]}"
    if form.voltage is not None:
        cells = voltage_code(form.voltage, voltage)
        return replace(cells, model=model, on_pre=on_pre, on_post={"learn_high": learn}, every_step=every)
    assert form.post is not None  # there is either
    on_post = {"jump_post": f"{POST} {jump} {_number(form.post.jump)}", "learn_post": learn}
    return StockCode(model, on_pre, on_post, every)


def pair_terms(form: PairForm, x: str, y: str, slow_x: str, slow_y: str) -> tuple[str, str]:
    """What a presynaptic and a postsynaptic spike change, without learning rate and reward, with names of traces."""
    pre, post = (_number(gain) for gain in form.gains)
    if form.slow_pre is not None:
        pre += f" + {_number(form.slow_gains[0])}*{slow_x}"
        post += f" + {_number(form.slow_gains[1])}*{slow_y}"
    return f"{_factor(pre)}{y}", f"{_factor(post)}{x}"


def rate_factor(form: PairForm) -> str:
    """The learning rate and the sign of multiplication; nothing for 1."""
    return "" if form.learning_rate == 1 else f"{_number(form.learning_rate)}*"


def clip_line(form: PairForm) -> str:
    """A line that brings the weight within its bounds, if there are any."""
    low, high = map(repr, map(float, form.limits))
    return f"\nw = clip(w, {low}, {high})" if form.bounded else ""


def voltage_code(form: VoltageTraces, u: str) -> StockCode:
    """What the postsynaptic group has to do: `VoltageTraces`' docstring as code. `u` is the name of the voltage."""
    traces = {"u_minus": (u, form.tau_minus), "u_plus": (u, form.tau_plus)}
    if form.tau_mean is not None:
        traces = {"u_mean": ("u_minus", form.tau_mean)} | traces  # it reads another before that one moves
    low, high, rest = (f"({_number(v)}*volt)" for v in (form.theta_minus, form.theta_plus, form.u_rest))
    factor = "" if form.u_ref is None else f"*((u_mean - {rest})/({_number(form.u_ref)}*volt))**2"
    step = [
        f"ltd = clip((u_minus - {low})/mV, 0, inf){factor}",
        f"ltp = clip(({u} - {high})/mV, 0, inf)*clip((u_plus - {low})/mV, 0, inf)*dt/ms",
        *(f"{name} = {of} + ({name} - {of})*exp(-dt/({_number(tau)}*second))" for name, (of, tau) in traces.items()),
    ]
    return StockCode(
        model="",
        on_pre={},
        on_post={},
        post_model="".join(f"{name} : volt\n" for name in traces) + "ltd : 1\nltp : 1\n",
        post_step="\n".join(step),
        post_start=dict.fromkeys(traces, f"{_number(form.u_rest)}*volt"),
        high="ltp > 0",
    )


def _number(value: float | Quantity) -> str:
    return repr(float(value))


def _factor(text: str) -> str:
    """A factor and the sign of multiplication; nothing for 1."""
    if text == "1.0":
        return ""
    return f"{text}*" if text.replace(".", "").isalnum() else f"({text})*"


def _text(code: str) -> str:
    return repr(code.replace("\n", "; "))


def _block(code: str, margin: str = "    ") -> str:
    return "\n".join(["'''", *(f"{margin}{line}" for line in code.strip().splitlines()), f"{margin}'''"])


def _comment(code: str) -> list[str]:
    return [f"#     {line}" for line in code.strip().splitlines()]

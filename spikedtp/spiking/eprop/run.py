"""`run_eprop`: a recurrent network that learns by e-prop, as arrays or in Brian2."""

from __future__ import annotations

from collections.abc import Iterable

from brian2 import ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.errors import known_names
from spikedtp.plasticity import EProp
from spikedtp.spiking.engine.devices import check_device
from spikedtp.spiking.eprop.network import run_network
from spikedtp.spiking.eprop.result import EPropResult
from spikedtp.spiking.eprop.state import run_arrays
from spikedtp.spiking.eprop.task import PROJECTIONS, checked_network, checked_task

__all__ = ["run_eprop"]

RECORDED = ("v", "adaptation", "psi", "learning_signal")


@underflow_is_zero
def run_eprop(
    rule: EProp,
    w_in: ArrayLike,
    w_rec: ArrayLike,
    w_out: ArrayLike,
    input_spikes: ArrayLike,
    target: ArrayLike,
    *,
    feedback: str | ArrayLike,
    dt: Quantity = 1 * ms,
    form: str = "rate",
    device: str = "cpp_standalone",
    update_interval: Quantity | None = None,
    batch_size: int = 1,
    record: Iterable[str] = (),
    learns: Iterable[str] = PROJECTIONS,
    seed: int = 0,
) -> EPropResult:
    """Train a recurrent network of spiking cells with linear read-outs by e-prop.

    Both forms have the same cells, spikes and equations (`EProp`). The rate form takes plain steps on arrays, computes
    the intervals of a batch side by side, and needs no eligibility trace of single synapses. The spiking form is a
    Brian2 network in which each synapse keeps its own trace and sees only its two cells. All numbers are float64.

    Parameters
    ----------
    rule : EProp
    w_in : (n_rec, n_in)
    w_rec : (n_rec, n_rec)
        With 0 on the diagonal: there are no autapses.
    w_out : (n_out, n_rec)
    input_spikes : (intervals, steps, n_in)
        Spikes as 0 and 1, or bool. Each interval begins with all states at 0, and what arrives in its first step is
        left out, with a warning. With `update_interval` one recording of (steps, n_in) may be given, which is cut.
    target : (intervals, steps, n_out), or (steps, n_out) for the same target in all intervals
        One-hot rows or other probabilities with ``loss="cross_entropy"``.
    feedback : (n_rec, n_out), or {"symmetric", "random", "adaptive"}
        The weights that bring errors back. A matrix stays as it is; "symmetric" is the transpose of the present
        `w_out`; "random" is drawn once, normally distributed with the standard deviation 1/sqrt(n_rec); "adaptive"
        begins like that, then changes as `w_out` does, and both decay by ``rule.feedback_decay`` in each update.
    dt : Quantity (second)
    form : {"rate", "spiking"}
    device : {"cpp_standalone", "runtime"}
        For the spiking form.
    update_interval : Quantity (second), optional
        A whole number of steps. The default is the second axis of `input_spikes`.
    batch_size : int
        Intervals between updates, which use the mean of their gradients.
    record : iterable of {"v", "adaptation", "psi", "learning_signal"}
        What to keep of each recurrent cell in each step.
    learns : iterable of {"in", "rec", "out"}
        Whose weights change. With ``learns="out"`` the recurrent network stays as it was drawn.
    seed : int
        For the feedback that is drawn.

    Returns
    -------
    EPropResult

    Raises
    ------
    SpikedtpError
        Shapes do not fit, there is no read-out, a name is unknown, or a time is no multiple of `dt`.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import run_eprop
    >>> from spikedtp.plasticity import EProp
    >>> rng = np.random.default_rng(1)
    >>> x = np.broadcast_to(rng.random((100, 20)) < 0.1, (30, 100, 20)).copy()  # the same input in 30 intervals
    >>> x[:, 0] = False
    >>> target = np.sin(np.linspace(0, 2 * np.pi, 100))[:, None]
    >>> w_in, w_out = rng.normal(size=(30, 20)) / 5, rng.normal(size=(1, 30)) / 5
    >>> rule = EProp(learning_rate=0.01)
    >>> result = run_eprop(rule, w_in, np.zeros((30, 30)), w_out, x, target, feedback="symmetric")
    >>> bool(result.losses[-1] < result.losses[0] / 2)
    True
    """
    network = checked_network(rule, w_in, w_rec, w_out, feedback=feedback, dt=dt, learns=learns, seed=seed)
    task = checked_task(
        network, input_spikes, target, update_interval=update_interval, batch_size=batch_size, stacklevel=4
    )
    wanted = tuple(dict.fromkeys([record] if isinstance(record, str) else record))
    for name in wanted:
        if name not in RECORDED:
            raise known_names("variable to record", name, RECORDED)
    if form not in ("rate", "spiking"):
        raise known_names("form", form, ("rate", "spiking"))
    check_device(device)
    return run_arrays(task, wanted) if form == "rate" else run_network(task, wanted, device)

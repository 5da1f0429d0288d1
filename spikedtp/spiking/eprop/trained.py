"""`EPropNetwork`: a network that learns by e-prop from one part of its data after the other, and predicts classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity import EProp
from spikedtp.spiking.eprop.arrays import outputs_of, respond
from spikedtp.spiking.eprop.result import EPropResponse
from spikedtp.spiking.eprop.state import LearningState
from spikedtp.spiking.eprop.task import PROJECTIONS, checked_network, checked_spikes, checked_task
from spikedtp.summaries import counted

__all__ = ["EPropNetwork"]

#: Intervals that are shown side by side where nothing is learned.
SIDE_BY_SIDE = 64
PRECISIONS: dict[str, type[np.floating]] = {"double": np.float64, "single": np.float32}


class EPropNetwork:
    """A network that learns by e-prop, as arrays, and keeps what it has learned from one call to the next.

    It is the rate form of `run_eprop`, for data that are too large for one call. Weights, feedback and the optimizer's
    moments are kept; their history is not.

    Parameters
    ----------
    rule, w_in, w_rec, w_out, feedback, dt, learns, seed
        As in `run_eprop`.
    precision : {"double", "single"}
        Of all numbers. With single precision spikes may differ from those of `run_eprop`, and steps take less time.

    Attributes
    ----------
    w_in, w_rec, w_out : (n_post, n_pre)
        The present weights.
    feedback : (n_rec, n_out)
    updates : int
        Updates of the weights so far.

    Raises
    ------
    SpikedtpError
        As in `run_eprop`.

    Examples
    --------
    Two kinds of input: the first or the second half of the inputs is active.

    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp import EPropNetwork
    >>> from spikedtp.plasticity import EProp
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.integers(2, size=200)
    >>> rates = np.where(np.arange(20) // 10 == labels[:, None], 0.1, 0.02)
    >>> x = rng.random((200, 50, 20)) < rates[:, None]
    >>> x[:, 0] = False
    >>> rule = EProp(loss="cross_entropy", learning_window=20 * ms, optimizer="adam", learning_rate=5e-3)
    >>> network = EPropNetwork(
    ...     rule, rng.normal(size=(30, 20)) / 3, np.zeros((30, 30)), rng.normal(size=(2, 30)) / 6, feedback="symmetric"
    ... )
    >>> for first in range(0, 160, 40):
    ...     part = slice(first, first + 40)
    ...     response = network.learn(x[part], np.eye(2)[labels[part]], batch_size=4)
    >>> network
    EPropNetwork: 20 inputs, 30 cells, 2 outputs, 40 updates
    >>> bool(np.mean(network.predict(x[160:]) == labels[160:]) > 0.9)
    True
    """

    def __init__(
        self, rule: EProp, w_in: ArrayLike, w_rec: ArrayLike, w_out: ArrayLike, *, feedback: str | ArrayLike,
        dt: Quantity = 1 * ms, learns: Iterable[str] = PROJECTIONS, seed: int = 0,
        precision: str = "double",
    ) -> None:  # fmt: skip
        checked = checked_network(rule, w_in, w_rec, w_out, feedback=feedback, dt=dt, learns=learns, seed=seed)
        if precision not in PRECISIONS:
            raise known_names("precision", precision, PRECISIONS)
        self.network = replace(checked, precision=PRECISIONS[precision])
        self._state = LearningState(self.network)

    @underflow_is_zero
    def learn(self, input_spikes: ArrayLike, target: ArrayLike, *, batch_size: int = 1) -> EPropResponse:
        """Present the intervals in this order, with an update after each batch of them.

        Parameters
        ----------
        input_spikes : (intervals, steps, n_in)
        target : (intervals, n_out), or as in `run_eprop`
            Rows are the targets of whole intervals, such as one-hot classes.
        batch_size : int

        Returns
        -------
        EPropResponse
            Spikes, outputs and losses before each update.
        """
        wanted = as_numbers("target", target)
        if wanted.ndim == 2 and len(wanted) == np.shape(input_spikes)[0] and np.ndim(input_spikes) == 3:
            wanted = np.broadcast_to(wanted[:, None], (len(wanted), np.shape(input_spikes)[1], wanted.shape[1]))
        task = checked_task(self.network, input_spikes, wanted, batch_size=batch_size, stacklevel=5)
        parts = [
            self._state.learn(task.x[first : first + batch_size], task.target[first : first + batch_size])
            for first in range(0, len(task.x), batch_size)
        ]
        return EPropResponse(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    @underflow_is_zero
    def outputs(self, input_spikes: ArrayLike) -> np.ndarray:
        """Present intervals without learning: the outputs ``(intervals, steps, n_out)``."""
        return self._outputs(input_spikes)

    @underflow_is_zero
    def predict(self, input_spikes: ArrayLike) -> np.ndarray:
        """The class of each interval, ``(intervals,)``: the largest of the mean outputs in the learning window."""
        y = self._outputs(input_spikes)
        return y[:, -self.network.window(y.shape[1]) :].mean(axis=1).argmax(axis=-1)

    def _outputs(self, input_spikes: ArrayLike) -> np.ndarray:
        x = checked_spikes(self.network, input_spikes, stacklevel=5)
        parts = []
        for first in range(0, len(x), SIDE_BY_SIDE):
            part = np.ascontiguousarray(x[first : first + SIDE_BY_SIDE].swapaxes(0, 1))
            found = respond(self.network, self._state.weights, part)
            parts.append(outputs_of(self.network, found["u"]).swapaxes(0, 1))
        return np.concatenate(parts)

    # --- what was learned ---------------------------------------------------------------------------------------------

    @property
    def w_in(self) -> np.ndarray:
        return self._state.weights["in"]

    @property
    def w_rec(self) -> np.ndarray:
        return self._state.weights["rec"]

    @property
    def w_out(self) -> np.ndarray:
        return self._state.weights["out"]

    @property
    def feedback(self) -> np.ndarray:
        return self._state.b

    @property
    def updates(self) -> int:
        return self._state.updates

    def state(self) -> dict[str, np.ndarray]:
        """All that learning has changed, as arrays: ``numpy.savez(path, **network.state())``."""
        return self._state.arrays()

    def restore(self, state: Mapping[str, ArrayLike]) -> None:
        """Go on from a `state` of a network of the same sizes, such as ``numpy.load(path)``.

        Raises
        ------
        SpikedtpError
            It is not the state of such a network.
        """
        wanted = self.state()
        if set(state) != set(wanted):
            raise SpikedtpError(f"state must have the arrays {', '.join(wanted)}, got {', '.join(state) or 'none'}")
        found = {name: as_numbers(f"state['{name}']", state[name]) for name in wanted}
        for name, values in found.items():
            if values.shape != wanted[name].shape:
                raise SpikedtpError(f"state['{name}'] must be {wanted[name].shape}, got {values.shape}")
        self._state.set_arrays(found)

    def __repr__(self) -> str:
        n_rec, n_in = self.w_in.shape
        sizes = counted(n_in, "input"), counted(n_rec, "cell"), counted(len(self.w_out), "output")
        return f"EPropNetwork: {', '.join(sizes)}, {counted(self.updates, 'update')}"

"""`BurstpropNetwork`: layers of units that learn by Burstprop, as rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from scipy.linalg import blas

from spikedtp.arrays import as_indices, as_numbers
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.parameters import check_quantity, check_whole
from spikedtp.plasticity.burst_rates import BurstpropRates, WeightChanges
from spikedtp.plasticity.signals import Array
from spikedtp.rate.burstprop.lanes import Changes, Lanes
from spikedtp.rate.threads import one_thread
from spikedtp.summaries import Summarised

__all__ = ["BurstpropNetwork"]

FEEDBACKS = ("random", "transposed", "learned")


class BurstpropNetwork(Summarised):
    """Layers of units with event rates and burst probabilities that learn by `BurstpropRates`.

    Parameters
    ----------
    sizes : sequence of int
        Of the input, the hidden layers and the output, such as ``(784, 200, 10)``.
    rule : BurstpropRates
    feedback : {"random", "transposed", "learned"}
        The weights of bursts: random and fixed; the transpose of the weights above, at all times; or random at first,
        and then changed by what changes the weights above. These two grow alike if there is weight decay (Kolen &
        Pollack 1994).
    feedback_scale : float
        Standard deviation of random feedback, in units of that of the weights above.
    seed : int
        Weights are normal with the variance 2/(n_pre + n_post), and biases are 0.
    dtype : float32 or float64

    Attributes
    ----------
    weights : list of (n_post, n_pre)
    biases : list of (n_post,)
    feedback : list of (n_hidden, n_above)
        From the layer above each hidden layer.

    Raises
    ------
    SpikedtpError

    References
    ----------
    Payeur et al. 2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x: the model of its supplement has 200 hidden
    units, and the values by default.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import BurstpropRates
    >>> from spikedtp.rate import BurstpropNetwork
    >>> rng = np.random.default_rng(1)
    >>> y = rng.integers(0, 3, 600)
    >>> x = (np.eye(3)[y] + 0.3 * rng.random((600, 3))) @ rng.random((3, 8))
    >>> rule = BurstpropRates(tau_w=30.0, tau_avg=1.0, balanced=True)
    >>> network = BurstpropNetwork((8, 20, 3), rule=rule, feedback_scale=1.0)
    >>> for _ in range(5):
    ...     before = network.train(x, y)  # the classes that samples had before they were learned from
    >>> bool((network.predict(x) == y).mean() > 0.95)
    True
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        rule: BurstpropRates | None = None,
        feedback: str = "random",
        feedback_scale: float = 0.1,
        seed: int = 0,
        dtype: DTypeLike = np.float32,
    ):
        if isinstance(sizes, int | str) or len(sizes) < 3:
            raise SpikedtpError(
                f"BurstpropNetwork: sizes must be those of the input, at least one hidden layer and the output, such "
                f"as (64, 50, 10), got {shown(sizes)}"
            )
        self.sizes = tuple(check_whole("BurstpropNetwork: a size", size, least=1) for size in sizes)
        check_whole("BurstpropNetwork: the number of outputs", self.sizes[-1], least=2)
        if feedback not in FEEDBACKS:
            raise known_names("feedback of BurstpropNetwork", feedback, FEEDBACKS)
        check_quantity("BurstpropNetwork", "feedback_scale", feedback_scale, 0.1, least=0.0)
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise SpikedtpError(f"BurstpropNetwork: dtype must be float32 or float64, got {shown(dtype)}")
        self.rule, self.feedback_kind, self.dtype = rule or BurstpropRates(), feedback, np.dtype(dtype).type
        rng = np.random.default_rng(check_whole("seed", seed))
        spreads = [np.sqrt(2 / (pre + post)) for pre, post in zip(self.sizes, self.sizes[1:], strict=False)]
        self.weights: list[Array] = [
            (spread * rng.standard_normal((post, pre))).astype(self.dtype)
            for spread, pre, post in zip(spreads, self.sizes, self.sizes[1:], strict=False)
        ]
        self.biases: list[Array] = [np.zeros(n, self.dtype) for n in self.sizes[1:]]
        drawn = [
            (feedback_scale * spread * rng.standard_normal((pre, post))).astype(self.dtype)
            for spread, pre, post in zip(spreads[1:], self.sizes[1:], self.sizes[2:], strict=False)
        ]
        self.feedback: list[Array] = [w.T for w in self.weights[1:]] if feedback == "transposed" else drawn
        self._lanes: Lanes | None = None

    def train(self, x: ArrayLike, y: ArrayLike, *, batch_size: int = 1, rate_factor: ArrayLike = 1.0) -> Array:
        """Learn from samples in the given order, in place. Averages go on from sample to sample, as in the original.

        Parameters
        ----------
        x : (samples, n_in)
            Event rates of the inputs, not below 0.
        y : (samples,) int, or (samples, n_out)
            Classes, or the probabilities of classes.
        batch_size : int
            Samples that are shown side by side, with the mean of their changes. The original takes one. Each place has
            averages of its own, which begin anew with a batch of another size.
        rate_factor : float or (samples,)
            Factor on the learning rate; of a batch that of its first sample.

        Returns
        -------
        (samples,) int
            The class of each sample at the end of its prediction, before it was learned from.
        """
        samples, target = self._pairs(x, y)
        check_whole("batch_size", batch_size, least=1)
        factors, n = as_numbers("rate_factor", rate_factor), len(samples)
        if factors.shape not in ((), (n,)) or factors.min() < 0:
            raise SpikedtpError(f"rate_factor must be a number of at least 0, or one for each of {n} samples")
        factors, first = np.broadcast_to(factors, n), 0
        classes = np.zeros(n, dtype=np.int64)
        with one_thread(), np.errstate(over="raise", invalid="raise", under="ignore"):
            try:
                for first in range(0, n, batch_size):
                    now = slice(first, first + batch_size)
                    classes[now] = self._learn(samples[now], target[now], float(factors[first]))
            except FloatingPointError:
                raise SpikedtpError(
                    f"BurstpropNetwork: event rates grew without bounds at sample {first}: use a larger tau_w, a lower "
                    "hidden_rate, or more homeostasis"
                ) from None
        return classes

    def predict(self, x: ArrayLike) -> Array:
        """Classes of samples, ``(samples,)``, from event rates that have settled."""
        return self.event_rates(x)[-1].argmax(axis=1)

    def event_rates(self, x: ArrayLike) -> list[Array]:
        """Settled event rates of each layer above the input, ``(samples, n)``."""
        e = self._samples(x)
        found: list[Array] = []
        with one_thread():
            for w, bias in zip(self.weights, self.biases, strict=True):
                z = e @ w.T + bias
                last = len(found) == len(self.weights) - 1
                e = np.exp(z - z.max(axis=1, keepdims=True)) if last else np.exp(z)
                e = e / e.sum(axis=1, keepdims=True) if last else e
                found.append(e)
        return found

    def delta_w(self, x: ArrayLike, y: ArrayLike) -> WeightChanges:
        """What each sample by itself would change. The network stays as it is.

        Weights stay fixed meanwhile, and averages begin as after a long prediction of the same sample.
        """
        samples, target = self._pairs(x, y)
        lanes = Lanes(self.sizes, len(samples), self.dtype, self.rule)
        with one_thread():
            settling = 2 * len(self.weights) + 40 * max(self.rule.tau_z, self.rule.tau_u) / self.rule.dt
            for _ in range(1 + int(settling / self.rule.n_prediction)):
                given = lanes.predict(samples, self.weights, self.biases, self.feedback)
            lanes.settle()
            changes = lanes.teach(samples, given, target, self.weights, self.biases, self.feedback, 0.0)
        rate, found = self.rule.rate, WeightChanges([], [])
        for post, pre, bias in zip(changes.post, changes.pre, changes.bias, strict=True):
            found.weights.append(rate * np.einsum("tsi,tsj->sij", np.stack(post), np.stack(pre), optimize=True))
            found.biases.append(rate * np.sum(bias, axis=0))
        return found

    def back(self) -> list[Array]:
        """The feedback as dendrites hear it: where it is balanced, the inhibition of the outputs' mean is in it."""
        found = [b.astype(float) for b in self.feedback]
        if self.rule.balanced:
            found[-1] -= found[-1].mean(axis=1, keepdims=True)
        return found

    def gradients(self, x: ArrayLike, y: ArrayLike) -> WeightChanges:
        """What backpropagation would add for each sample: minus the gradient of its cross-entropy."""
        samples, target = self._pairs(x, y)
        events = [samples, *self.event_rates(samples)]
        errors = [target - events[-1]]
        for w, e in zip(self.weights[:0:-1], events[-2:0:-1], strict=True):
            errors.insert(0, e * (errors[0] @ w))
        weights = [error[:, :, None] * e[:, None] for error, e in zip(errors, events, strict=False)]
        return WeightChanges(weights, errors)

    def _learn(self, x: Array, target: Array, factor: float) -> Array:
        """One batch; the classes of its samples before."""
        if self._lanes is None or len(self._lanes) != len(x):
            self._lanes = Lanes(self.sizes, len(x), self.dtype, self.rule)
        lanes, rate = self._lanes, factor * self.rule.rate / len(x)
        given = lanes.predict(x, self.weights, self.biases, self.feedback)
        classes = lanes.e[:, lanes.n_hidden :].argmax(axis=1)
        changes = lanes.teach(x, given, target, self.weights, self.biases, self.feedback, rate)
        self._apply(changes, rate, factor * self.rule.rate)
        return classes

    def _apply(self, changes: Changes, rate: float, full_rate: float) -> None:
        shrink = 1 - full_rate * self.rule.weight_decay
        add = blas.sgemm if self.dtype is np.float32 else blas.dgemm
        for layer, w in enumerate(self.weights):
            post = np.concatenate(changes.post[layer])
            if layer:
                pre = np.concatenate(changes.pre[layer])
            else:  # the input is the same in each step
                post, pre = np.sum(changes.post[0], axis=0), changes.pre[0][0]
            # Fortran's order: what it sees is w.T, which it changes in place
            add(rate, pre.T, post.T, beta=shrink, c=w.T, trans_b=True, overwrite_c=True)
            self.biases[layer] += rate * np.sum(changes.bias[layer], axis=(0, 1))
            if layer and self.feedback_kind == "learned":
                b = self.feedback[layer - 1]
                add(rate, post.T, pre.T, beta=shrink, c=b.T, trans_b=True, overwrite_c=True)

    def _pairs(self, x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        samples, target = self._samples(x), self._targets(y)
        if len(samples) != len(target):
            raise SpikedtpError(
                f"{len(samples)} inputs and {len(target)} targets: there must be one target for each input"
            )
        return samples, target

    def _samples(self, x: ArrayLike) -> Array:
        found = as_numbers("x", x, self.dtype)
        if found.ndim != 2 or found.shape[1] != self.sizes[0] or not len(found):
            raise SpikedtpError(f"x must be (samples, {self.sizes[0]}), got {found.shape}")
        if found.min() < 0:
            raise SpikedtpError(f"x must be event rates, not below 0, got {found.min():g}: scale the inputs")
        return np.ascontiguousarray(found)

    def _targets(self, y: Any) -> Array:
        n = self.sizes[-1]
        if np.ndim(y) == 1:
            return np.eye(n, dtype=self.dtype)[as_indices("y", y, n, "classes")]
        target = as_numbers("y", y, self.dtype)
        if target.ndim != 2 or target.shape[1] != n or target.min() < 0 or target.max() > 1:
            raise SpikedtpError(f"y must be (samples,) classes or (samples, {n}) probabilities, got {target.shape}")
        return target

    def _headline(self) -> str:
        return f"{'-'.join(map(str, self.sizes))}, feedback {self.feedback_kind}, {self.rule.tau_w:g} = tau_w"

    def _parts(self) -> dict[str, str]:
        return {f"layer {k + 1}": f"weights {w.shape}" for k, w in enumerate(self.weights)}

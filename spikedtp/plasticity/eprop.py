"""E-prop: learning in recurrent networks from eligibility traces of synapses and a learning signal of each cell.

The declaration of the rule and its equations in arrays. `spikedtp.run_eprop` runs networks with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.parameters import Parameters, check_quantity, parameter
from spikedtp.plasticity.described import Described

__all__ = ["PSEUDO_DERIVATIVES", "EProp", "StepConstants", "filtered", "whole_steps"]


class PseudoDerivative(NamedTuple):
    """A pseudo-derivative of height and width 1, of x = (v - threshold)/width: as Brian2 code and on arrays."""

    code: str
    of: Callable[[np.ndarray], np.ndarray]


PSEUDO_DERIVATIVES = {
    "piecewise_linear": PseudoDerivative("clip(1 - abs(x), 0, 1)", lambda x: np.maximum(0.0, 1 - np.abs(x))),
    "exponential": PseudoDerivative("exp(-abs(x))", lambda x: np.exp(-np.abs(x))),
    "fast_sigmoid_derivative": PseudoDerivative("1/(1 + abs(x))**2", lambda x: 1 / (1 + np.abs(x)) ** 2),
    "arctan_derivative": PseudoDerivative("1/(1 + x**2)", lambda x: 1 / (1 + x**2)),
}


class StepConstants(NamedTuple):
    """What a rule is in time steps of one length.

    Attributes
    ----------
    alpha, rho, kappa : float
        What is left after one step of a voltage, of the adaptation, and of a read-out.
    zeta, zeta_out : float
        Factor on what arrives at a cell and at a read-out.
    refractory : int
        Steps.
    target : float
        Spikes per step that the regularisation aims at.
    window : int, optional
        Steps of the learning window; None for the whole interval.
    """

    alpha: float
    rho: float
    kappa: float
    zeta: float
    zeta_out: float
    refractory: int
    target: float
    window: int | None


@dataclass(frozen=True)
class EProp(Parameters, Described):
    r"""E-prop for recurrent networks of LIF cells and of LIF cells with an adaptive threshold, with linear read-outs.

    Time runs in steps, and weights change once at the end of an *update interval*. In step k, with inputs x, spikes z,
    read-outs u and targets y*::

        v_j   <- alpha v_j + zeta (sum_i W_in,ji x_i[k] + sum_i W_rec,ji z_i[k-1]) - v_threshold z_j[k-1]
        a_j   <- rho a_j + z_j[k-1];   A_j = v_threshold + beta_j a_j
        psi_j  = height * g((v_j - A_j)/width), and 0 while refractory
        z_j    = 1 if v_j >= A_j and j is not refractory
        u_o   <- kappa u_o + zeta_out sum_j W_out,oj z_j[k];   y = u, or softmax(u)
        E_o    = y_o - y*_o, and 0 before the learning window
        L_j    = sum_o B_jo E_o
        t_i   <- alpha t_i + zeta x_i[k], or zeta z_i[k-1] in recurrent synapses
        e_ji   = psi_j (t_i - beta_j eps_ji);   eps_ji <- rho eps_ji + e_ji
        ebar_ji <- kappa ebar_ji + (1 - kappa) e_ji
        G_ji  += L_j ebar_ji;   S_ji += e_ji;   G_out,oj += E_o q_j  with  q_j <- kappa q_j + zeta_out z_j[k]

    At the end of an interval of T steps ``G_ji += c_reg (f_j - f_target dt)/T S_ji``, where f_j is the number of spikes
    per step; then the optimizer changes W by -learning_rate G (or Adam's step). All states begin each interval at 0.

    Parameters
    ----------
    tau_m : Quantity (second)
        Membrane time constant of the recurrent cells.
    v_threshold : float
    t_refractory : Quantity (second)
        A whole number of time steps.
    beta : float or (n_rec,)
        By how much a spike raises the threshold. Cells with 0 are LIF cells.
    tau_adaptation : Quantity (second)
    tau_readout : Quantity (second)
        Membrane time constant of the read-outs, and of the filter of the eligibility traces.
    pseudo_derivative : {"piecewise_linear", "exponential", "fast_sigmoid_derivative", "arctan_derivative"}
    height, width : float
        Of the pseudo-derivative. Neither is divided by the threshold.
    c_reg : float
        Strength of the firing-rate regularisation.
    f_target : Quantity (hertz)
        The firing rate that it aims at.
    spike_arrival, readout_arrival : {"unit", "decay"}
        Whether a spike adds W (zeta = 1) or (1 - alpha) W to the voltage of a recurrent cell; the same of a read-out.
    loss : {"mean_squared_error", "cross_entropy"}
        For regression, and for classification with a softmax.
    learning_window : Quantity (second), optional
        The part at the end of each interval in which there is an error. The default is all of it.
    average_gradient : bool
        Whether to divide gradients by the number of steps in the learning window.
    optimizer : {"gradient_descent", "adam"}
    learning_rate : float
    learning_rate_decay : float
        By what the learning rate is multiplied from one update to the next.
    beta_1, beta_2, epsilon : float
        Constants of Adam. As in TensorFlow 1, epsilon is added to the uncorrected root.
    w_min, w_max : float, optional
        Limits of the weights after a step of the optimizer.
    feedback_decay : float
        Share of the feedback and output weights that is lost in each update, with adaptive feedback alone.

    Raises
    ------
    SpikedtpError
        A parameter has no such value, or not its units.

    References
    ----------
    Bellec et al. 2020, Nat. Commun. 11:3625, 10.1038/s41467-020-17236-y. The order of steps is that of the models
    ``eprop_*_bsshslm_2020`` of NEST 3.10.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.plasticity import EProp
    >>> rule = EProp(tau_m=30 * ms, v_threshold=0.03, height=10.0, width=0.03, spike_arrival="decay")
    >>> round(rule.steps(1 * ms).alpha, 3), rule.psi([-0.03, 0.0, 0.015]).tolist()
    (0.967, [0.0, 10.0, 5.0])
    """

    tau_m: Quantity = parameter(20 * ms, above=0 * ms)
    v_threshold: float = parameter(0.6, above=0.0)
    t_refractory: Quantity = parameter(0 * ms, least=0 * ms)
    beta: float | tuple[float, ...] = 0.0
    tau_adaptation: Quantity = parameter(2000 * ms, above=0 * ms)
    tau_readout: Quantity = parameter(20 * ms, above=0 * ms)
    pseudo_derivative: str = "piecewise_linear"
    height: float = parameter(0.5, least=0.0)
    width: float = parameter(0.6, above=0.0)
    c_reg: float = parameter(0.0, least=0.0)
    f_target: Quantity = parameter(10 * Hz, least=0 * Hz)
    spike_arrival: str = "unit"
    loss: str = "mean_squared_error"
    learning_window: Quantity | None = None
    average_gradient: bool = False
    optimizer: str = "gradient_descent"
    learning_rate: float = parameter(1e-4, least=0.0)
    readout_arrival: str = field(default="decay", kw_only=True)
    beta_1: float = parameter(0.9, least=0.0)
    beta_2: float = parameter(0.999, least=0.0)
    epsilon: float = parameter(1e-8, above=0.0)
    w_min: float | None = None
    w_max: float | None = None
    feedback_decay: float = parameter(0.0, least=0.0, most=1.0)
    learning_rate_decay: float = parameter(1.0, above=0.0, most=1.0)

    equation: ClassVar[str] = (
        r"\Delta W_{ji} = -\eta \sum_k L_j[k]\, \bar e_{ji}[k],\quad \bar e_{ji} = F_\kappa(e_{ji}),\quad "
        r"e_{ji} = \psi_j\,(F_\alpha(z_i) - \beta_j \epsilon_{ji})"
    )
    reference: ClassVar[str] = "Bellec et al. 2020, Nat. Commun. 11:3625"

    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "pseudo_derivative": tuple(PSEUDO_DERIVATIVES),
        "spike_arrival": ("unit", "decay"),
        "readout_arrival": ("unit", "decay"),
        "loss": ("mean_squared_error", "cross_entropy"),
        "optimizer": ("gradient_descent", "adam"),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in self.CHOICES.items():
            if not isinstance(given := getattr(self, name), str) or given not in known:
                raise known_names(f"EProp.{name}", given, known)
        if not isinstance(self.average_gradient, bool | np.bool_):
            raise SpikedtpError(f"EProp.average_gradient must be True or False, got {self.average_gradient!r}")
        beta = as_numbers("EProp.beta", self.beta)
        if beta.ndim > 1 or not beta.size or (beta < 0).any():
            raise SpikedtpError("EProp.beta must be one number of at least 0, or one for each recurrent cell")
        # plain numbers: rules are compared, and name the networks that are built for them
        object.__setattr__(self, "beta", tuple(beta.tolist()) if beta.ndim else float(beta))
        if self.learning_window is not None:
            check_quantity("EProp", "learning_window", self.learning_window, 1 * ms, above=0 * ms)
        for name in ("beta_1", "beta_2"):
            if getattr(self, name) >= 1:
                raise SpikedtpError(f"EProp.{name} must be below 1, got {getattr(self, name)}")
        for name in ("w_min", "w_max"):
            if getattr(self, name) is not None:
                check_quantity("EProp", name, getattr(self, name), 1.0)
        if self.w_min is not None and self.w_max is not None and self.w_min > self.w_max:
            raise SpikedtpError(f"EProp.w_min must be at most w_max, got {self.w_min} and {self.w_max}")

    # --- in time steps ------------------------------------------------------------------------------------------------

    def steps(self, dt: Quantity) -> StepConstants:
        """The constants in time steps of `dt`. Refractory time and learning window must be whole numbers of them."""
        alpha, rho, kappa = (
            float(np.exp(-float(dt / tau))) for tau in (self.tau_m, self.tau_adaptation, self.tau_readout)
        )
        window = self.learning_window
        return StepConstants(
            alpha, rho, kappa,
            1.0 if self.spike_arrival == "unit" else 1 - alpha,
            1.0 if self.readout_arrival == "unit" else 1 - kappa,
            whole_steps("EProp.t_refractory", self.t_refractory, dt),
            float(self.f_target * dt),
            None if window is None else whole_steps("EProp.learning_window", window, dt),
        )  # fmt: skip

    def psi(self, distance: ArrayLike) -> np.ndarray:
        """The pseudo-derivative of cells whose voltage is `distance` above their threshold and not refractory."""
        x = _floating(distance) / self.width
        return self.height * PSEUDO_DERIVATIVES[self.pseudo_derivative].of(x)

    # --- eligibility traces and gradients -----------------------------------------------------------------------------

    def eligibility(self, psi: np.ndarray, trace: np.ndarray, dt: Quantity) -> tuple[np.ndarray, np.ndarray]:
        """The eligibility of each synapse in each step, as the synapses see it: e and its filtered form.

        Parameters
        ----------
        psi : (steps, n_post)
            Pseudo-derivatives.
        trace : (steps, n_pre)
            Filtered presynaptic spikes, t in the equations.
        dt : Quantity (second)

        Returns
        -------
        e, ebar : (steps, n_post, n_pre)

        Examples
        --------
        >>> import numpy as np
        >>> from brian2 import ms
        >>> from spikedtp.plasticity import EProp
        >>> e, ebar = EProp(beta=0.1).eligibility(np.ones((3, 1)), np.ones((3, 1)), 1 * ms)
        >>> e[:, 0, 0].round(3).tolist()  # a cell that adapts forgets sooner
        [1.0, 0.9, 0.81]
        """
        at, beta = self.steps(dt), np.asarray(self.beta)
        e = psi[:, :, None] * trace[:, None, :]
        if beta.any():
            adapting, eps = np.broadcast_to(beta, psi.shape[1])[:, None], np.zeros(e.shape[1:])
            for k in range(len(e)):
                e[k] -= psi[k, :, None] * adapting * eps
                eps = at.rho * eps + e[k]
        return e, (1 - at.kappa) * filtered(e, at.kappa)

    def factors(self, signal: np.ndarray, psi: np.ndarray, dt: Quantity, extra: ArrayLike = 0.0) -> np.ndarray:
        """What makes gradients of presynaptic spikes, without eligibility traces of single synapses.

        The sum over steps of ``signal * ebar + extra * e`` is zeta times the sum of outer products of these factors and
        the presynaptic spikes. For that all filters act backwards in time on the learning signal, in place of forwards
        on the traces. This holds for cells that adapt as well, and the numbers are the same within rounding.

        Parameters
        ----------
        signal : (up to steps, ..., n_post)
            Learning signals L of the last steps. Before these they are 0.
        psi : (steps, ..., n_post)
        dt : Quantity (second)
        extra : (..., n_post)
            Factors of the regularisation.

        Returns
        -------
        (steps, ..., n_post)

        Examples
        --------
        >>> import numpy as np
        >>> from brian2 import ms
        >>> from spikedtp.plasticity import EProp
        >>> from spikedtp.plasticity.eprop import filtered
        >>> rng, rule = np.random.default_rng(0), EProp(beta=0.2)
        >>> signal, psi, spikes = rng.random((50, 2)), rng.random((50, 2)), rng.random((50, 3)) < 0.1
        >>> _, ebar = rule.eligibility(psi, filtered(spikes, rule.steps(1 * ms).alpha), 1 * ms)
        >>> np.allclose(rule.factors(signal, psi, 1 * ms).T @ spikes, (signal[:, :, None] * ebar).sum(axis=0))
        True
        """
        at, beta, extra = self.steps(dt), np.asarray(self.beta, dtype=psi.dtype), np.asarray(extra)
        factors, adapts, silent = np.empty(psi.shape, psi.dtype), beta.any(), len(psi) - len(signal)
        # the filtered signal; the derivatives by eps and by the trace after this step; room for products
        back, later, trace, product = (np.zeros(psi.shape[1:], psi.dtype) for _ in range(4))
        for k in reversed(range(len(psi))):
            back *= at.kappa
            if k >= silent:
                back += np.multiply(signal[k - silent], 1 - at.kappa, out=product)
            np.add(back, extra, out=product)
            product += later
            product *= psi[k]
            if adapts:
                later *= at.rho
                later -= beta * product
            trace *= at.alpha
            trace += product
            factors[k] = trace
        return factors

    # --- optimizer ----------------------------------------------------------------------------------------------------

    def step_size(self, update: int) -> float:
        """The factor of the optimizer's step in this update, counted from 1: Adam's is corrected for its start."""
        rate = self.learning_rate * self.learning_rate_decay ** (update - 1)
        if self.optimizer == "gradient_descent":
            return float(rate)
        return float(rate * np.sqrt(1 - self.beta_2**update) / (1 - self.beta_1**update))

    def descend(
        self, w: np.ndarray, gradient: np.ndarray, moments: tuple[np.ndarray, np.ndarray], update: int
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """One step of the optimizer: the new weights, and Adam's two moments of the gradient."""
        size, (m, v) = self.step_size(update), moments
        if self.optimizer == "gradient_descent":
            changed = w - size * gradient
        else:
            m = self.beta_1 * m + (1 - self.beta_1) * gradient
            v = self.beta_2 * v + (1 - self.beta_2) * gradient**2
            changed = w - size * m / (np.sqrt(v) + self.epsilon)
        if self.w_min is not None or self.w_max is not None:
            changed = np.clip(changed, self.w_min, self.w_max)
        return changed, (m, v)


def _floating(values: ArrayLike) -> np.ndarray:
    """In the precision that they have, if they are not whole numbers."""
    found = np.asarray(values)
    return found if found.dtype.kind == "f" else found.astype(float)


def filtered(values: np.ndarray, decay: float) -> np.ndarray:
    """``y[k] = decay y[k - 1] + values[k]`` along the first axis."""
    found = np.array(_floating(values))
    for k in range(1, len(found)):
        found[k] += decay * found[k - 1]
    return found


def whole_steps(name: str, duration: Quantity, dt: Quantity) -> int:
    """How many time steps a duration takes; refused unless it is a whole number of them."""
    steps = float(duration / dt)
    if abs(steps - round(steps)) > 1e-6:
        raise SpikedtpError(f"{name} must be a multiple of dt = {dt}, got {duration}")
    return round(steps)

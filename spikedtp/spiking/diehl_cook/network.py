"""`DiehlCookNetwork`: learns from images, and answers with counts of spikes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError
from spikedtp.spiking.diehl_cook.build import Plan, build_network
from spikedtp.spiking.diehl_cook.settings import Settings
from spikedtp.spiking.diehl_cook.state import DigitState, first_state, read_state
from spikedtp.spiking.engine.batch import RunInputs, RunResults
from spikedtp.spiking.engine.devices import default_device
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.rule_synapses.diehl_cook import delay_columns
from spikedtp.spiking.synapses.delay_matrix import delay_lists
from spikedtp.summaries import Summarised, counted

__all__ = ["DiehlCookNetwork", "DigitResponse"]

#: Which random numbers: those of images that the network learns from, and of those that it answers.
LEARNING, ANSWERING = 1, 2


@dataclass(frozen=True, repr=False)
class DigitResponse(Summarised):
    """What the cells of `DiehlCookNetwork` did for each image.

    Attributes
    ----------
    state : DigitState
        The state after the last image; where the network only answered, the state that it had.
    counts : (n_images, n_cells) int
        Spikes of each cell while the image was shown, in its last try.
    tries : (n_images,) int
        How often each image was shown.
    timings : dict
        Seconds of each stage, as the engine gives them.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.spiking import DiehlCookNetwork
    >>> network = DiehlCookNetwork(n_inputs=60, n_cells=4, weight_sum=15.0)
    >>> response = network.respond(network.start(), np.ones((2, 60)), device="runtime")
    >>> response.counts.shape, response.counts.sum(axis=1) >= network.fewest_spikes
    ((2, 4), array([ True,  True]))
    """

    state: DigitState
    counts: np.ndarray
    tries: np.ndarray
    timings: dict[str, float]

    def _headline(self) -> str:
        return (
            f"{counted(len(self.counts), 'image')}, {self.counts.sum(axis=1).mean():.3g} spikes for each, "
            f"{(self.tries > 1).mean():.1%} of them shown again"
        )

    def _parts(self) -> dict[str, str]:
        return {"counts": str(self.counts.shape), "tries": str(self.tries.shape), "state": self.state._headline()}


class DiehlCookNetwork(Settings):
    """The network of Diehl & Cook (2015), which learns digits without labels.

    Each input fires as a Poisson process whose rate is that of its pixel. Inputs excite all excitatory cells, through
    synapses with delays of their own that learn by `DiehlCook`. An excitatory cell drives one inhibitory cell, which
    inhibits all other excitatory cells, so few of them fire. Each spike raises the threshold of its cell (theta), so
    all cells take turns. Before each try of an image the weights of each cell are scaled to one sum. If the excitatory
    cells fire less than `fewest_spikes` spikes, the image is shown again, with a higher rate. The default values are
    the published ones.

    Parameters
    ----------
    n_inputs, n_cells : int
        Pixels, and excitatory cells. There are as many inhibitory cells.
    rule : DiehlCook
    weight_sum : float
        The sum to which the weights of a cell are scaled.
    largest_delay : Quantity (second)
        Delays of the inputs are drawn between 0 and this.
    to_inhibitory, to_excitatory : float
        Weights to and from the inhibitory cells, in units of the leak conductance.
    theta_start, theta_plus : Quantity (volt)
        How much thresholds are raised at first, and by each spike.
    tau_theta : Quantity (second)
        Time constant with which theta decays.
    timer : Quantity (second)
        The shortest time between two spikes of an excitatory cell, beside its refractory time of 5 ms.
    rate : Quantity (Hz)
        Rate of an input at a pixel of 1 and an intensity of 1.
    intensity, intensity_step : float
        Factor on all rates in the first try, and what each further one adds to it.
    fewest_spikes, most_tries : int
    image_time, rest_time : Quantity (second)
        How long an image is shown, and the time without input after it.
    dt : Quantity (second)

    Raises
    ------
    SpikedtpError

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.spiking import DiehlCookNetwork, label_cells, predicted_classes
    >>> images, labels = np.eye(2).repeat(30, axis=1), np.array([0, 1])  # two images of 60 pixels
    >>> network = DiehlCookNetwork(n_inputs=60, n_cells=4, weight_sum=15.0)
    >>> learned = network.learn(network.start(seed=1), images[[0, 1, 0, 1, 0, 1]], device="runtime")
    >>> learned.state.images
    6
    >>> answer = network.respond(learned.state, images, device="runtime")
    >>> predicted_classes(answer.counts, label_cells(answer.counts, labels, 2), 2).tolist()
    [0, 1]
    """

    def start(self, seed: int = 0) -> DigitState:
        """The state before the first image: weights and delays are drawn."""
        return first_state(self, seed)

    def load(self, path: str | Path) -> DigitState:
        """Read a state that `DigitState.save` wrote. One of a network with other settings is refused."""
        return read_state(path, self)

    def learn(
        self,
        state: DigitState,
        images: ArrayLike,
        *,
        device: str | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> DigitResponse:
        """Show images one after the other, and learn. Several calls give the same result as one with all images.

        Parameters
        ----------
        state : DigitState
        images : (n_images, n_inputs)
            Pixels from 0 to 1.
        device : {"cpp_standalone", "runtime"}, optional
            By default C++ where it compiles.
        progress : callable, optional
            It is called with the number of images that are done.
        """
        response, results = self._run(state, images, True, device, progress)
        variables = {name: results.lasting[name][-1].copy() for name in state.variables}
        rows = results.lasting["forward.w"][-1].reshape(self.n_inputs, -1)
        weights = np.ascontiguousarray(rows[:, : self.n_cells].T)
        after = replace(state, images=state.images + len(response.counts), weights=weights, variables=variables)
        return replace(response, state=after)

    def respond(
        self,
        state: DigitState,
        images: ArrayLike,
        *,
        first: int = 0,
        device: str | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> DigitResponse:
        """Show images without learning. Each begins at rest, so its answer does not depend on those before.

        Parameters
        ----------
        state, images, device, progress
            As in `learn`.
        first : int
            The number of the first image, of which the random numbers depend.
        """
        return self._run(state, images, False, device, progress, first)[0]

    def _run(
        self,
        state: DigitState,
        images: ArrayLike,
        learns: bool,
        device: str | None,
        progress: Callable[[int], object] | None,
        first: int = 0,
    ) -> tuple[DigitResponse, RunResults]:
        if state.settings != self:
            raise SpikedtpError("DiehlCookNetwork: the state is that of a network with other settings: use its network")
        pixels = self._pixels(images)
        n, place = len(pixels), (LEARNING, state.images) if learns else (ANSWERING, first)
        late, exists = state.delay_steps.T, np.ones(state.delay_steps.T.shape, bool)
        delays = delay_lists(late, exists, int(np.floor(float(self.largest_delay / self.dt) + 0.5)) + 1)
        if learns:
            delays["_late"] = delay_columns(late, exists)
        plan = Plan(self, state.weights, delays, state.variables, learns)
        data = RunInputs({"pixels": pixels}, np.arange(n), _seeds(state.seed, *place, n))
        results = run_on(device or default_device(), partial(build_network, plan), data, progress)
        response = DigitResponse(
            state, results.vectors["count"].astype(np.int64), results.vectors["tries"][:, 0].astype(np.int64),
            results.timings,
        )  # fmt: skip
        return response, results

    def _pixels(self, images: ArrayLike) -> np.ndarray:
        pixels = as_numbers("DiehlCookNetwork: images", images)
        if pixels.ndim != 2 or pixels.shape[1] != self.n_inputs or not len(pixels):
            raise SpikedtpError(
                f"DiehlCookNetwork: images must be (n_images, {self.n_inputs}), got {pixels.shape}: give n_inputs, or "
                "flatten them"
            )
        if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
            raise SpikedtpError("DiehlCookNetwork: pixels must be from 0 to 1: divide them by their largest value")
        dark = np.flatnonzero(pixels.max(axis=1) == 0)
        if len(dark):
            raise SpikedtpError(f"DiehlCookNetwork: image {dark[0]} is dark, and no cell would fire: leave it out")
        return pixels.astype(np.float32)


def _seeds(seed: int, kind: int, first: int, n: int) -> np.ndarray:
    """A seed for each image, which depends on its number alone."""
    numbers = range(first, first + n)
    return np.array([np.random.SeedSequence([seed, kind, k]).generate_state(1)[0] for k in numbers], dtype=np.int64)

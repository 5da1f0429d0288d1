"""What changes while a network learns by e-prop in arrays: weights, feedback and the optimizer's moments."""

from __future__ import annotations

import numpy as np

from spikedtp.spiking.eprop.arrays import errors_of, gradients_of, respond
from spikedtp.spiking.eprop.result import EPropResult
from spikedtp.spiking.eprop.task import PROJECTIONS, Network, Task

__all__ = ["LearningState", "run_arrays"]


class LearningState:
    """Weights and feedback of a network, Adam's moments, and the number of updates so far.

    Attributes
    ----------
    weights : dict of {"in", "rec", "out"} to (n_post, n_pre)
    moments : dict of {"in", "rec", "out"} to a pair of (n_post, n_pre)
    b : (n_rec, n_out)
    updates : int
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.weights = {name: getattr(network, f"w_{name}").astype(network.precision) for name in PROJECTIONS}
        self.moments = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in self.weights.items()}
        self.b, self.updates = network.b.astype(network.precision), 0

    def learn(self, x: np.ndarray, target: np.ndarray, record: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
        """One update, from input spikes and targets ``(intervals, steps, ...)``; what happened, intervals first."""
        network, (batch, steps) = self.network, x.shape[:2]
        x, target = np.ascontiguousarray(x.swapaxes(0, 1)), target.swapaxes(0, 1)
        found = respond(network, self.weights, x, (*record, "psi"))
        found["output"], error, losses = errors_of(network, found["u"], target)
        signal = error[steps - network.window(steps) :] @ self.b.T
        gradients, share = gradients_of(network, found, error, signal), network.gradient_share(steps, batch)
        if "learning_signal" in record:
            found["learning_signal"] = error @ self.b.T
        self.updates += 1
        self._step({name: share * gradients[name] for name in network.learns})
        kept = {name: found[name].swapaxes(0, 1) for name in ("spikes", "output", *record)}
        return {"losses": losses} | kept

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, by name."""
        moments = {f"moment_{k}_{name}": pair[k - 1] for name, pair in self.moments.items() for k in (1, 2)}
        return {f"w_{name}": w for name, w in self.weights.items()} | moments | {
            "feedback": self.b, "updates": np.array(self.updates)
        }  # fmt: skip

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from what `arrays` gave."""
        for name in PROJECTIONS:
            w, *moments = (arrays[f"{key}_{name}"].astype(self.b.dtype) for key in ("w", "moment_1", "moment_2"))
            self.weights[name], self.moments[name] = w, (moments[0], moments[1])
        self.b, self.updates = arrays["feedback"].astype(self.b.dtype), int(arrays["updates"])

    def _step(self, gradients: dict[str, np.ndarray]) -> None:
        """The optimizer's step, and what feedback follows from it."""
        rule, before = self.network.rule, self.weights["out"]
        for name, gradient in gradients.items():
            changed, self.moments[name] = rule.descend(self.weights[name], gradient, self.moments[name], self.updates)
            if name == "rec":
                np.fill_diagonal(changed, 0)  # whatever the limits are: there are no autapses
            self.weights[name] = changed
        if self.network.feedback == "symmetric":
            self.b = self.weights["out"].T
        elif self.network.feedback == "adaptive" and "out" in gradients:
            self.b = (self.b + (self.weights["out"] - before).T) * (1 - rule.feedback_decay)
            self.weights["out"] = self.weights["out"] * (1 - rule.feedback_decay)


def run_arrays(task: Task, record: tuple[str, ...]) -> EPropResult:
    """Run every interval of `task`; the recorded variables are named by `record`."""
    state = LearningState(task.network)
    kept = {name: [w] for name, w in state.weights.items()}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("spikes", "output", "losses", *record)}
    for first in range(0, len(task.x), task.batch_size):
        batch = slice(first, first + task.batch_size)
        found = state.learn(task.x[batch], task.target[batch], record)
        for name, values in parts.items():
            values.append(found[name])
        for name, w in state.weights.items():
            kept[name].append(w)
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    w_in, w_rec, w_out = (np.stack(each) for each in kept.values())
    return EPropResult(
        joined.pop("spikes"), joined.pop("output"), joined.pop("losses"), w_in, w_rec, w_out, state.b, task.network.dt,
        joined,
    )  # fmt: skip

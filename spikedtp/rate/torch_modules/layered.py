"""The layers that were found in a torch module: populations from bottom to top, in float64. No circuit here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

__all__ = ["INPUT", "OUTPUT", "Layer", "Layered"]

INPUT, OUTPUT = "Input", "Output"


@dataclass(frozen=True)
class Layer:
    """One population above the input.

    Attributes
    ----------
    weights : dict of ndarray, (n, n_pre)
        By the name of the layer below that they come from.
    bias : ndarray, (n,)
    activation : {"relu", "linear"}
    recurrent : ndarray, (n, n), optional
        Weights from the layer onto itself, which see its activity of the step before.
    masks : dict of ndarray, (n, n_pre) bool
        Which synapses exist, for those `weights` that do not reach every cell.
    """

    weights: dict[str, np.ndarray]
    bias: np.ndarray
    activation: str
    recurrent: np.ndarray | None = None
    masks: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.bias)


@dataclass(frozen=True)
class Layered:
    """Layers by name, each after those that it takes weights from. The last one is the output.

    Attributes
    ----------
    n_inputs : int
    layers : dict of Layer
    """

    n_inputs: int
    layers: dict[str, Layer]

    @property
    def recurrent(self) -> bool:
        return any(layer.recurrent is not None for layer in self.layers.values())

    @property
    def depth(self) -> int:
        """The number of layers on the longest way from the input to the output."""
        found = {INPUT: 0}
        for name, layer in self.layers.items():
            found[name] = 1 + max((found[source] for source in layer.weights), default=0)
        return max(found.values())

    def targets(self, name: str) -> list[str]:
        """The layers above that take weights from this one."""
        return [above for above, layer in self.layers.items() if name in layer.weights]

    def activity(self, x: np.ndarray, n_steps: int = 1) -> dict[str, np.ndarray]:
        """Activities (samples, n) by layer after `n_steps` steps, each of which goes through all layers in turn."""
        now = {INPUT: np.asarray(x, dtype=np.float64)}
        for name, layer in self.layers.items():
            now[name] = np.zeros((len(x), layer.size))
        for _ in range(n_steps):
            for name, layer in self.layers.items():
                drive = layer.bias + sum(now[source] @ w.T for source, w in layer.weights.items())
                if layer.recurrent is not None:
                    drive = drive + now[name] @ layer.recurrent.T
                now[name] = np.maximum(drive, 0) if layer.activation == "relu" else drive
        return now

    def scaled(self, highest: dict[str, float]) -> Layered:
        """The same function, with the activities of hidden layers divided by `highest`."""
        by = {name: highest.get(name, 1.0) for name in (INPUT, *self.layers)}
        layers = {
            name: replace(
                layer,
                weights={source: w * (by[source] / by[name]) for source, w in layer.weights.items()},
                bias=layer.bias / by[name],
            )
            for name, layer in self.layers.items()
        }
        return replace(self, layers=layers)

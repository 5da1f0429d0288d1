"""Names and types that a runner needs to give a compiled network its inputs and to read its results. No Brian2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikedtp.spiking.engine.built_network import BuiltNetwork

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """Names and types of a `BuiltNetwork`.

    Attributes
    ----------
    n_steps : int
    precision : str
        numpy's name of the type of vectors and traces.
    constants, changing : dict
        name -> numpy's name of the type.
    streams : dict
        name -> (numpy's name of the type, how many rows are held).
    vectors : dict
        name -> how many numbers.
    spikes, traces : dict
        name -> the file in which a run leaves them.
    lasting : dict
        name -> (numpy's name of the type, how many), for variables that last from one presentation to the next.
    """

    n_steps: int
    precision: str
    constants: dict[str, str]
    changing: dict[str, str]
    streams: dict[str, tuple[str, int]]
    vectors: dict[str, int]
    spikes: dict[str, str]
    traces: dict[str, str]
    lasting: dict[str, tuple[str, int]]

    @classmethod
    def of(cls, built: BuiltNetwork) -> Layout:
        if built.again is not None and (built.spikes or built.traces):
            raise AssertionError("a presentation that may run again has no single record of spikes or traces")
        return cls(
            n_steps=built.n_steps,
            precision=np.dtype(built.precision).name,
            constants={name: np.dtype(variable.dtype).name for name, (variable, _) in built.constants.items()},
            changing={name: np.dtype(variable.dtype).name for name, variable in built.changing.items()},
            streams={name: (np.dtype(s.variable.dtype).name, s.held) for name, s in built.streams.items()},
            vectors={name: variable.size for name, variable in built.vectors.items()},
            spikes={name: monitor.name for name, monitor in built.spikes.items()},
            traces={name: f"{monitor.name}.{variable}" for name, (monitor, variable) in built.traces.items()},
            lasting={name: (np.dtype(v.dtype).name, v.size) for name, v in built.lasting.items()},
        )

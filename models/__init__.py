"""Shipped circuits (NAME.yaml) and trained checkpoints (NAME.pt), and where they lie. Reading them is not done here.

NAME.md says where a model came from and how to make it again. Installed as the package `spikedtp.models`.
"""

from pathlib import Path

from spikedtp.errors import SpikedtpError, known_names

__all__ = ["circuit_file", "shipped_names", "weights_file"]

_HERE = Path(__file__).parent


def shipped_names() -> list[str]:
    """Names of the shipped circuits, sorted."""
    return sorted(path.stem for path in _HERE.glob("*.yaml"))


def circuit_file(name: str) -> Path:
    """The YAML file of a shipped circuit.

    Raises
    ------
    SpikedtpError
        No circuit of that name is shipped.
    """
    if name not in shipped_names():
        raise known_names("shipped circuit", name, shipped_names())
    return _HERE / f"{name}.yaml"


def weights_file(name: str) -> Path:
    """The trained checkpoint of a shipped circuit.

    Raises
    ------
    SpikedtpError
        The circuit is not shipped, or without a checkpoint.
    """
    trained = sorted(path.stem for path in _HERE.glob("*.pt"))
    if name not in trained:
        raise SpikedtpError(
            f"no trained weights ship with circuit {name!r} (only with {', '.join(trained)}): give --weights"
        )
    return _HERE / f"{name}.pt"

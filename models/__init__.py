"""Shipped circuits (NAME.yaml) and trained checkpoints (NAME.pt); NAME.md says where a checkpoint came from,
NAME.json is the summary of its training run.

Data, and the one function that says where a checkpoint lies; `spikedtp.circuit` and `spikedtp.rate` read the files.
Installed as the package `spikedtp.models`.
"""

from pathlib import Path

from spikedtp.errors import SpikedtpError

__all__ = ["weights_file"]


def weights_file(name: str) -> Path:
    """The trained checkpoint that ships with a circuit.

    Raises
    ------
    SpikedtpError
        None ships with a circuit of this name.

    Examples
    --------
    >>> from spikedtp.models import weights_file
    >>> weights_file("digits_dtp").name
    'digits_dtp.pt'
    """
    shipped = {path.stem: path for path in Path(__file__).parent.glob("*.pt")}
    if name not in shipped:
        known = ", ".join(sorted(shipped)) or "none"
        raise SpikedtpError(
            f"no trained weights ship with circuit {name!r} (they do with: {known}); give a file of them"
        )
    return shipped[name]

"""Shipped circuits (NAME.yaml) and trained checkpoints (NAME.pt).

NAME.md says where a checkpoint came from, and NAME.json is the summary of its training run. `weights_file` says where a
checkpoint is. `spikedtp.circuit` and `spikedtp.rate` read the files. This folder is installed as `spikedtp.models`.
"""

from pathlib import Path

from spikedtp.errors import SpikedtpError

__all__ = ["weights_file"]


def weights_file(name: str) -> Path:
    """The path of the trained checkpoint that ships with a circuit.

    Raises
    ------
    SpikedtpError
        No checkpoint ships with a circuit of this name.

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

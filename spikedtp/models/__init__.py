"""Shipped circuits (NAME.yaml) and trained checkpoints (NAME.pt): where they are.

In a checkout the files lie beside the package, in `models/`. In an installation they lie in this folder: setup.py
copies them. NAME.md says where a checkpoint came from, and NAME.json is the summary of its training run.
`spikedtp.circuit` and `spikedtp.rate` read the files.
"""

from pathlib import Path

from spikedtp.errors import SpikedtpError

__all__ = ["FOLDER", "weights_file"]

_HERE = Path(__file__).resolve().parent
#: The folder of shipped models.
FOLDER = _HERE if any(_HERE.glob("*.yaml")) else _HERE.parents[1] / "models"


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
    shipped = {path.stem: path for path in FOLDER.glob("*.pt")}
    if name not in shipped:
        known = ", ".join(sorted(shipped)) or "none"
        raise SpikedtpError(
            f"no trained weights ship with circuit {name!r} (they do with: {known}); give a file of them"
        )
    return shipped[name]

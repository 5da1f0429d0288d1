"""Extracts of the reference arrays for `replay`: python tests/spiking/make_replay_goldens.py REFERENCE_FOLDER.

florian.npz: spikes, reward, the float64 trajectories of both conventions, and Inferno's and ngc-learn's weights.
bcm.npz: ngc-learn's inputs and its weights and thresholds, as (n_post, n_pre).
"""

import sys
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent.parent / "golden"


def main(reference: Path) -> None:
    def table(name):
        return np.genfromtxt(reference / "florian" / name, delimiter=",", names=True)

    both, inferno, ngclearn = (
        table(f"{name}.csv") for name in ("both_conventions_float64", "inferno_0.0.5", "ngclearn_3.2.1")
    )
    weights = ("w_stdp", "w_mstdp", "w_mstdpet")
    florian = {name: both[name] for name in both.dtype.names if name != "step"}
    florian |= {f"inferno_float32_{name}": inferno[name].astype(np.float32) for name in weights}
    florian |= {f"ngclearn_float32_{name}": ngclearn[name].astype(np.float32) for name in weights}
    np.savez_compressed(GOLDEN / "florian.npz", **florian)

    with np.load(reference / "bcm" / "ngclearn_3.2.1.npz") as run:
        bcm = {name: run[name] for name in ("pre", "post", "preB", "postB", "tau_w", "tau_theta", "theta0", "dt")}
        bcm["w0"] = run["W0"].T
        for name in run:
            kind = name.partition("/")[2]
            if kind == "weights":
                bcm[name] = run[name].swapaxes(1, 2)
            elif kind == "theta":
                bcm[name] = run[name][:, 0]  # the same for every element of the batch
    np.savez_compressed(GOLDEN / "bcm.npz", **bcm)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

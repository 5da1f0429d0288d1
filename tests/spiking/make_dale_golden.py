"""Makes tests/golden/dale.npz from the reference arrays: python tests/spiking/make_dale_golden.py REFERENCE_FOLDER."""

import sys
from pathlib import Path

import numpy as np

SAMPLES = 4

if __name__ == "__main__":
    with np.load(Path(sys.argv[1]) / "dale" / "trained_networks.npz", allow_pickle=False) as arrays:
        kept = {}
        for name in ("ie05_on", "ie05_off"):
            kept |= {f"{name}/{key}": arrays[f"{name}/{key}"] for key in ("w1", "w2", "sign1", "sign2")}
            kept |= {f"{name}/{key}": arrays[f"{name}/{key}"][:SAMPLES] for key in ("label", "ipd", "v_rec_f64")}
            for key in ("input_spikes", "s_rec_f64"):
                kept[f"{name}/{key}_packed"] = np.packbits(arrays[f"{name}/{key}"][:SAMPLES], axis=1)
    np.savez_compressed(Path(__file__).parent.parent / "golden" / "dale.npz", **kept)

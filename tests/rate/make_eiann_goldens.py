"""Makes tests/golden/eiann_* from EIANN's full arrays: ``python tests/rate/make_eiann_goldens.py REFERENCE MNIST``.

Small extracts that let the tests run without the full arrays:

- ``eiann_dtp_equilibrated``, ``eiann_dtp_one_pass``: EIANN's response to one image. Of the weights only what the result
  depends on: those that learned (the others are drawn from the seed), from the pixels that are not black. They are
  stored as byte planes, which compress better than floats.
- ``eiann_trajectories``: outputs and parts of the weights after 20 online steps from EIANN's initial weights.
- ``eiann_*.yaml``: the trajectories' circuits that are not among the shipped models, in the short form.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import torch
import yaml

GOLDEN = Path(__file__).parents[1] / "golden"
STEPS = [0, 1, 7, 14]
NOTEBOOK_STEPS = [0, 1, 14, 15, 16, 29]
TRAJECTORIES = {
    "mnist_backprop_dale": "20231129_EIANN_2_hidden_mnist_bpDale_relu_SGD_config_G_complete_optimized",
    "mnist_dtp_one_pass": "20241009_EIANN_2_hidden_mnist_BP_like_config_5J_complete_optimized",
    "eiann_local_backprop": "20241113_EIANN_2_hidden_mnist_BP_like_config_5M_complete_optimized",
    "eiann_spiral": "20250108_EIANN_2_hidden_spiral_DTP_fixed_SomaI_learned_bias_config_complete_optimized",
    "eiann_btsp_top_down": "20250619_EIANN_2_hidden_fmnist_BTSP_config_5L_learn_TD_HTCWN_3"
    "_zero_bias_complete_optimized",
}


def byte_planes(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array.astype("<f4").reshape(-1).view(np.uint8).reshape(-1, 4).T)


def dynamics(folder: Path, name: str) -> None:
    source = np.load(folder / "dynamics.npz")
    weights = torch.load(folder / "weights.pt", weights_only=True)
    kept = {"x": source["x"][0], "target": source["target"][0], "steps": STEPS, "notebook_steps": NOTEBOOK_STEPS}
    pixels = source["x"][0] > 0
    learned = np.load(folder / "full_dW_sample0.npz").files
    for projection in (key.removeprefix("dW/") for key in learned):
        weight = weights[f"module_dict.{projection}.weight"].numpy()
        kept[f"planes/{projection}"] = byte_planes(weight[:, pixels] if projection.endswith("InputE") else weight)
        kept[f"dW_index/{projection}"] = source[f"sub_idx/{projection}"][:150]
        kept[f"dW/{projection}"] = source[f"train/dW_sub/{projection}"][0, :150]
        kept[f"dW_max/{projection}"] = np.abs(np.load(folder / "full_dW_sample0.npz")[f"dW/{projection}"]).max()
    for key in source.files:
        group = key.rsplit("/", 1)[0]
        if group in ("forward_activity", "train/backward_activity", "train/backward_dendritic_state_clamped"):
            kept[key] = source[key][0][[s for s in STEPS if s < source[key].shape[1]]]
        elif group in ("forward_dendritic_state", "train/plateau"):
            kept[key] = source[key][0]
        elif group == "notebook_dendritic_dynamics":
            kept[key] = source[key][0][NOTEBOOK_STEPS]
        elif key in ("dyn/backward_activity/H1DendI", "dyn/backward_activity/H2DendI", "dyn/backward_activity/H2E"):
            kept[key] = source[key][0][STEPS]
        elif key == "dyn/backward_dendritic_state_clamped/H2E":
            kept[key] = source[key][0][STEPS]
    np.savez_compressed(GOLDEN / f"{name}.npz", **kept)


def short_form(source: Path, name: str) -> None:
    """The same circuit in the short form, written from its values."""
    text = source.read_text(encoding="utf-8").replace("!!python/tuple", "")
    config = yaml.safe_load(text)
    projections = {}
    for post_layer, cells in config["projection_config"].items():
        for post_cell, layers in cells.items():
            inputs = projections.setdefault(f"{post_layer}.{post_cell}", {})
            for pre_layer, pre_cells in layers.items():
                for pre_cell, values in pre_cells.items():
                    lower, upper = values.pop("weight_bounds", (None, None))
                    kind = {(0, None): "Exc", (None, 0): "Inh"}.get((lower, upper))
                    given = {"type": kind} if kind else {"weight_bounds": [lower, upper]}
                    inputs[f"{pre_layer}.{pre_cell}"] = given | values
    config["projection_config"] = projections
    body = yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=110)
    note = f"# Constants of {source.stem}\n# (Galloni et al. 2026, Cell Reports 45:117159), in the short form.\n"
    (GOLDEN / f"{name}.yaml").write_text(note + body, encoding="utf-8")


def trajectories(reference: Path, mnist: Path) -> None:
    raw = gzip.decompress((mnist / "train-images-idx3-ubyte.gz").read_bytes())
    kept = {"images": np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784)[:30]}
    for name, stem in TRAJECTORIES.items():
        source = np.load(reference / "trajectories" / f"{stem}.npz")
        kept[f"{name}/t"], kept[f"{name}/out"] = source["t"], source["out"]
        if source["x"].size:
            kept[f"{name}/x"] = source["x"]
        for key in source.files:
            group, _, parameter = key.partition("/")
            if group in ("idx", "val"):
                kept[f"{name}/{key}"] = source[key][:40].astype(np.int32 if group == "idx" else np.float32)
            elif group in ("sum", "abs"):
                kept[f"{name}/{group}/{parameter}"] = source[key]
        if name.startswith("eiann_"):
            short_form(reference / "configs" / f"{stem}.yaml", name)
    np.savez_compressed(GOLDEN / "eiann_trajectories.npz", **kept)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    eiann = Path(sys.argv[1]) / "eiann"
    for each in ("dtp_equilibrated", "dtp_one_pass"):
        dynamics(eiann / each, f"eiann_{each}")
    trajectories(eiann, Path(sys.argv[2]))

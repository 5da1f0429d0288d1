"""What is neither a circuit nor weights is told apart, and its command is named."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.cli import main
from spikedtp.datasets import load
from spikedtp.jobs.other_files import use_of
from spikedtp.models import weights_file

h5py = pytest.importorskip("h5py")


def hdf5(path):
    h5py.File(path, "w").close()


FILES = {
    "xy.npz": (lambda p: np.savez(p, x=np.ones((4, 3)), y=[0, 1, 0, 1]), "a data set: use --data npz:PATH"),
    "keras.npz": (lambda p: np.savez(p, x_train=np.ones((2, 3)), y_train=[0, 1]), "a data set: use --data npz:PATH"),
    "signals.npz": (lambda p: np.savez(p, pre=np.ones((3, 1)), post=np.ones((3, 1))), "spikedtp replay --signals PATH"),
    "data.csv": (lambda p: p.write_text("a,b,label\n1,2,0\n"), "a table: if it is a data set, use --data csv:PATH"),
    "spikes.csv": (lambda p: p.write_text("cell;time_ms\n1;2\n"), "spikes: use spikedtp replay --pre-spikes PATH"),
    "s.nwb": (hdf5, "a recording (NWB): use its spikes with spikedtp replay --pre-spikes PATH"),
    "g.nir": (hdf5, "a NIR graph: take it in Python, with spikedtp.spiking.from_nir"),
}


@pytest.mark.parametrize("name", FILES)
def test_info_names_the_command_for_it(tmp_path, capsys, name):
    make, words = FILES[name]
    make(tmp_path / name)
    assert main(["info", str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert words.replace("PATH", str(tmp_path / name)) in told and told.count("\n") == 1


def test_a_named_data_set_is_read(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((20, 3)) * np.arange(20)[:, None] / 20, y=np.arange(20) % 2)
    spec = use_of(tmp_path / "a.npz").partition("--data ")[2]
    assert load(spec).n_inputs == 3


def test_a_folder_of_results(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("command: compare\n")
    (tmp_path / "summary.json").write_text("{}")
    assert use_of(tmp_path) == f"this is a folder of results without weights: use spikedtp report {tmp_path}"
    (tmp_path / "weights.pt").write_bytes(weights_file("digits_dtp").read_bytes())
    assert main(["info", str(tmp_path)]) == 2
    named = capsys.readouterr().err.strip().partition("name its weights, ")[2]
    assert main(["info", named, "--circuit", "digits_dtp"]) == 0


def test_weights_and_circuits_are_left_to_their_readers(tmp_path):
    np.savez(tmp_path / "w.npz", **{"module_dict.H2E_H1E.weight": np.ones((2, 3))})
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    for path in (tmp_path, tmp_path / "w.npz", tmp_path / "broken.npz", tmp_path / "none", weights_file("digits_dtp")):
        assert use_of(path) is None

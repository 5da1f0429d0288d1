"""Files of a job by content: the same key wherever they lie, and the same results where they were sent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from idx_files import write_mnist
from safetensors.torch import save_file
from sweep.sweeps import fresh_weights

from spikedtp import SpikedtpError
from spikedtp.circuit import circuit_path
from spikedtp.rate import load_rate_network
from spikedtp.records import file_hash
from spikedtp.sweep.contents import former_key, job_key, places_of, unpacked
from spikedtp.sweep.job import COMMANDS, run_job


def make(kind: str, folder: Path, circuit: Path) -> tuple[str, dict]:
    """A job whose files lie in `folder`."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    data = {"fit_sizes": True, "circuit": str(folder / "c.yaml"), "samples": 4, "probe_every": 2, "device": "runtime"}
    shutil.copy(circuit, folder / "c.yaml")
    if kind in ("mnist", "emnist"):
        place = folder if kind == "mnist" else folder / "emnist"
        place.mkdir(exist_ok=True)
        write_mnist(place, zipped=kind == "mnist")
        if kind == "emnist":  # files of two data sets in one folder
            for path in [*place.iterdir()]:
                shutil.copy(path, place / f"emnist-mnist-{path.name}")
                path.rename(place / f"emnist-letters-{path.name}")
            place /= "emnist-letters"
        return "train", data | {"data": f"mnist:{place}"}
    if kind == "npz":
        np.savez(folder / "d.npz", x=rng.random((30, 9)), y=np.arange(30) % 3)
        return "train", data | {"data": f"npz:{folder / 'd.npz'}"}
    if kind == "csv":
        pd.DataFrame(rng.random((30, 9))).assign(label=np.arange(30) % 3).to_csv(folder / "d.csv", index=False)
        return "train", data | {"data": f"csv:{folder / 'd.csv'}"}
    if kind == "spikes":
        times = np.sort(rng.uniform(0, 99, 40))
        pd.DataFrame({"time_ms": times, "cell": rng.integers(0, 3, 40)}).to_csv(folder / "s.csv", index=False)
        spikes = {"pre_spikes": str(folder / "s.csv"), "post_spikes": str(folder / "s.csv"), "stop": 100, "merge": True}
        return "replay", {"rule": "STDP", "w0": 0.5, **spikes}
    if kind == "signals":
        np.savez(folder / "s.npz", pre=rng.random((30, 3)) < 0.3, post=rng.random((30, 2)) < 0.3, w0=np.ones((2, 3)))
        return "replay", {"rule": "STDP", "signals": str(folder / "s.npz")}
    settings = {"circuit": str(folder / "c.yaml"), "samples": 3, "device": "runtime"}
    state = load_rate_network(circuit, seed=3).state_dict()
    if kind == "safetensors":
        save_file(state, folder / "w.safetensors")
    elif kind == "arrays":
        np.savez(folder / "w.npz", **{name: tensor.numpy() for name, tensor in state.items()})
    elif kind == "wrapped":
        torch.save({"state_dict": state, "epoch": 3}, folder / "w.ckpt")
    else:
        fresh_weights(circuit, folder / "w.pt")
    (weights,) = folder.glob("w.*")
    return ("compare" if kind == "compared" else "evaluate"), settings | {"weights": str(weights)}


KINDS = [
    "mnist", "emnist", "npz", "csv", "spikes", "signals", "safetensors", "arrays", "wrapped", "torch", "compared",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_results_where_no_path_is_the_same(kind, small_circuit, tmp_path):
    command, settings = make(kind, tmp_path / "here", small_circuit)
    configuration = COMMANDS[command].of(settings).absolute()
    job = {"key": "k", "command": command, "settings": configuration.saved()}
    places = [(place, [file_hash(file) for file in place.files]) for place in places_of(configuration)]
    contents = {file_hash(file): file.read_bytes() for place, _ in places for file in place.files}
    expected = run_job(job)
    assert expected["status"] == "done", expected["error"]
    shutil.rmtree(tmp_path / "here")
    with unpacked(job["settings"], places, contents) as (there, restored):
        assert str(tmp_path) not in json.dumps(there)
        found = restored(run_job({**job, "settings": there}))
    assert found["results"] == expected["results"] and found["settings"] == expected["settings"]
    assert found["files"].keys() == expected["files"].keys()
    different = {name for name in found["files"] if found["files"][name] != expected["files"][name]}
    assert different <= {"manifest.json", "replay.npz"}  # times of the run, and of zip entries
    if "manifest.json" in different:
        manifests = [json.loads(each["files"]["manifest.json"]) for each in (found, expected)]
        for entry in ("configuration", "inputs", "outputs", "data"):
            if "replay.npz" not in different or entry != "outputs":
                assert manifests[0].get(entry) == manifests[1].get(entry)


@pytest.mark.parametrize("kind", KINDS)
def test_moved_files_are_the_same_job(kind, small_circuit, tmp_path):
    keys = []
    for name in ("here", "there"):
        command, settings = make(kind, tmp_path / name, small_circuit)
        configuration = COMMANDS[command].of(settings).absolute()
        keys.append((job_key(configuration, file_hash), former_key(configuration, file_hash)))
    assert keys[0][0] == keys[1][0] and keys[0][1] != keys[1][1]
    # one other byte anywhere is another job
    for file in sorted({file for place in places_of(configuration) for file in place.files}):
        other = job_key(configuration, lambda path, file=file: "0" * 64 if path == file else file_hash(path))
        assert other != keys[0][0]


def test_another_name_of_a_circuit_is_another_job(small_circuit, tmp_path):
    """Its name stands in the results."""
    keys = set()
    for name in ("a.yaml", "b.yaml"):
        shutil.copy(small_circuit, tmp_path / name)
        keys.add(job_key(COMMANDS["train"].of({"circuit": str(tmp_path / name)}), file_hash))
    assert len(keys) == 2


@pytest.mark.parametrize("command", ["compare", "train", "evaluate"])
def test_jobs_that_name_no_file_keep_their_keys(command):
    configuration = COMMANDS[command].of({"samples": 5, "device": "runtime", "circuit": "digits_dtp"})
    assert not places_of(configuration)
    assert job_key(configuration, file_hash) == former_key(configuration, file_hash)


def test_messages_have_the_paths_of_before(small_circuit, tmp_path):
    fresh_weights(small_circuit, tmp_path / "w.pt")
    (tmp_path / "bad.pt").write_bytes(b"\x89PNG and so on")
    configuration = COMMANDS["evaluate"].of({"circuit": str(small_circuit), "weights": str(tmp_path / "bad.pt")})
    job = {"key": "k", "command": "evaluate", "settings": configuration.saved()}
    places = [(place, [file_hash(file) for file in place.files]) for place in places_of(configuration)]
    contents = {file_hash(file): file.read_bytes() for place, _ in places for file in place.files}
    with unpacked(job["settings"], places, contents) as (there, restored):
        found = restored(run_job({**job, "settings": there}))
    assert found["status"] == "failed" and found["error"] == run_job(job)["error"]
    assert str(tmp_path / "bad.pt") in found["error"]


def test_shipped_weights_go_with_a_path_to_a_shipped_circuit():
    """Where the circuit arrives, it is no shipped one any more."""
    configuration = COMMANDS["evaluate"].of({"circuit": str(circuit_path("digits_dtp")), "samples": 50})
    places = [(place, [file_hash(file) for file in place.files]) for place in places_of(configuration)]
    assert [place.setting for place, _ in places] == ["circuit", "weights"]
    contents = {file_hash(file): file.read_bytes() for place, _ in places for file in place.files}
    job = {"key": "k", "command": "evaluate", "settings": configuration.saved()}
    with unpacked(job["settings"], places, contents) as (there, restored):
        found = restored(run_job({**job, "settings": there}))
    assert found["results"]["accuracy"] > 0.9
    assert yaml.safe_load(found["files"]["config.yaml"])["weights"] is None


def test_what_did_not_arrive_whole_is_refused(small_circuit):
    configuration = COMMANDS["train"].of({"circuit": str(small_circuit)})
    (place,) = places_of(configuration)
    with pytest.raises(SpikedtpError, match="did not arrive whole"):
        unpacked({}, [(place, ["0" * 64])], {"0" * 64: b""}).__enter__()

"""From settings to data and a circuit of its sizes: the commands that take --data, with data of every kind."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from idx_files import idx

from spikedtp.cli import main
from spikedtp.configuration import CompareConfiguration, EvaluateConfiguration, TrainConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.data import circuit_and_data, input_files
from spikedtp.jobs.info import file_info
from spikedtp.sweep.job import job_key

FEW = {"circuit": "digits_dtp", "fit_sizes": True}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """33 inputs of any size and 4 classes, as arrays and as a table; 12 x 8 images with labels from 1 to 26."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    y = np.arange(96) % 4
    x = rng.normal(size=(96, 33)) + 2 * rng.normal(size=(4, 33))[y]
    np.savez(folder / "x.npz", train_x=x[:64], train_y=y[:64], test_x=x[64:], test_y=y[64:])
    pd.DataFrame(x).assign(label=y).to_csv(folder / "x.csv", index=False)
    letters = folder / "letters" / "raw"
    letters.mkdir(parents=True)
    for part, n in (("train", 78), ("test", 26)):
        labels = (1 + np.arange(n) % (26 if part == "train" else 20)).astype(np.uint8)
        images = rng.integers(0, 256, (n, 12, 8), dtype=np.uint8)
        (letters / f"emnist-letters-{part}-images-idx3-ubyte").write_bytes(idx(images))
        (letters / f"emnist-letters-{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    return {"npz": f"npz:{folder / 'x.npz'}", "csv": f"csv:{folder / 'x.csv'}", "letters": f"mnist:{letters.parent}"}


def spec_of(files, name):
    return files.get(name, name)


@pytest.mark.parametrize(
    ("name", "settings", "n_inputs", "n_classes"),
    [
        ("npz", {"scale": "standard"}, 33, 4), ("csv", {"scale": "minmax", "on_off_inputs": True}, 66, 4),
        ("letters", {}, 96, 27), ("sklearn:iris", {"scale": "max"}, 4, 3), ("digits", {}, 64, 10),
        ("sklearn:breast_cancer", {"scale": "minmax", "on_off_inputs": True}, 60, 2),
    ],
)  # fmt: skip
def test_train_and_test_meet_in_one_circuit(files, name, settings, n_inputs, n_classes):
    """Also where the test part lacks classes, and where it alone is asked for."""
    settings = FEW | settings | {"data": spec_of(files, name)}
    train = circuit_and_data(TrainConfiguration.of(settings), ("train", "test"))
    test = circuit_and_data(EvaluateConfiguration.of(settings), ("test",))
    assert train.circuit == test.circuit and train.changes == test.changes
    assert (train.circuit.input.size, train.circuit.output.size) == (n_inputs, n_classes)
    assert (train.data.n_inputs, train.data.n_classes) == (n_inputs, n_classes)
    np.testing.assert_array_equal(train.data.test_x, test.data.test_x)
    np.testing.assert_array_equal(train.data.test_t, test.data.test_t)
    assert 0 <= train.data.train_x.min() and train.data.train_x.max() <= 1


@pytest.mark.parametrize("settings", [{"scale": "standard"}, {"scale": "minmax", "on_off_inputs": True}])
def test_the_whole_walk(files, tmp_path, settings, capsys):
    """Train, evaluate, compare, sweep and report; what was done stands in the results, and can be repeated."""
    words = ["--data", files["npz"], "--fit-sizes", "--scale", settings["scale"]]
    words += ["--on-off-inputs"] if settings.get("on_off_inputs") else []
    n_inputs = 66 if settings.get("on_off_inputs") else 33
    fitted = f"InputE 64 -> {n_inputs}, OutputE 10 -> 4, OutputSomaI 10 -> 4"
    out = tmp_path / "train"
    assert main(["train", *words, "--samples", "300", "--out", str(out)]) == 0
    assert f"circuit fitted to the data: {fitted}" in capsys.readouterr().out
    summary = json.loads((out / "summary.json").read_text())
    assert summary["test_accuracy"] > 0.8 and summary["fitted_to_data"] == fitted and summary["data"] == "npz"
    saved = yaml.safe_load((out / "config.yaml").read_text())
    assert saved["fit_sizes"] is True and saved["scale"] == settings["scale"]
    data = json.loads((out / "manifest.json").read_text())["data"]
    assert (data["n_inputs"], data["n_classes"], data["scale"]) == (n_inputs, 4, settings["scale"])
    with np.load(files["npz"].removeprefix("npz:")) as arrays:
        if settings["scale"] == "minmax":  # from the training part alone
            assert data["low"] == arrays["train_x"].min(axis=0).tolist()
        else:
            np.testing.assert_allclose(np.mean([data["low"], data["high"]], axis=0), arrays["train_x"].mean(axis=0))
    assert main(["repeat", str(out)]) == 0
    described = file_info(out / "weights.pt")
    assert described["circuit"] == "digits_dtp" and described["dale_violations"] == 0
    assert described["populations"][0]["size"] == n_inputs and described["accuracy"] == summary["test_accuracy"]
    words += ["--weights", str(out / "weights.pt")]
    assert main(["evaluate", *words, "--out", str(tmp_path / "evaluate")]) == 0
    found = json.loads((tmp_path / "evaluate" / "summary.json").read_text())
    assert found["accuracy"] == summary["test_accuracy"]
    few = ["--samples", "2", "--device", "runtime"]
    assert main(["compare", *words, *few, "--time-per-step", "4", "--out", str(tmp_path / "open")]) == 0
    assert main(["report", str(tmp_path / "open")]) == 0
    base = FEW | settings | {"data": files["npz"], "samples": 1, "device": "runtime"}
    base["weights"] = str(out / "weights.pt")
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump({"base": base, "grid": {"time-per-step": [2, 4]}}))
    sweep = ["--config", str(tmp_path / "sweep.yaml"), "--jobs", "1", "--out", str(tmp_path / "sweep")]
    assert main(["sweep", *sweep]) == 0
    assert json.loads((tmp_path / "sweep" / "summary.json").read_text())["n_failed"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--data", "sklearn:iris", "--scale", "minmax"],
            "'sklearn:iris' has 4 inputs, InputE of the circuit 64 cells",
        ),
        (
            ["--data", "sklearn:iris", "--fit-sizes"],
            "must lie in [0, 1] to become firing rates",
        ),
        (["--data", "letters"], "label 26 of sample 25 needs a circuit with at least 27 output cells"),
        (["--data", "sklearn:covtype"], "unknown data set of scikit-learn 'covtype'"),
        (["--data", "npz:nowhere.npz"], "nowhere.npz cannot be read: No such file"),
        (["--data", "csv:"], "needs a file: write csv:FILE"),
        (["--data", "digits", "--scale", "log"], "--scale"),
    ],
)
@pytest.mark.parametrize("command", ["train", "evaluate", "compare"])
def test_one_line_and_nothing_written(files, tmp_path, command, words, message, capsys):
    words = [spec_of(files, word) for word in words]
    if message.startswith("label 26") and command != "train":
        message = "label 20 of sample 19 needs a circuit with at least 21"
    assert main([command, *words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_shipped_weights_do_not_fit_other_sizes(tmp_path, command, capsys):
    few = ["--samples", "1", "--out", str(tmp_path / "out")]
    few += ["--device", "runtime", "--time-per-step", "2"] if command == "compare" else []
    assert main([command, "--data", "sklearn:iris", "--scale", "minmax", "--fit-sizes", *few]) == 2
    assert "weights that ship with digits_dtp do not fit the data (InputE 64 -> 4, Outp" in capsys.readouterr().err
    assert main([command, "--data", "sklearn:digits", "--fit-sizes", *few]) == 0  # nothing was changed


def test_defaults_are_not_saved():
    """A config.yaml of an earlier version has the same bytes."""
    for configuration in (TrainConfiguration(), EvaluateConfiguration(), CompareConfiguration()):
        assert not {"scale", "fit_sizes", "on_off_inputs"} & configuration.saved().keys()


def test_the_manifest_names_the_columns(files):
    settings = TrainConfiguration.of({"data": files["csv"], "scale": "minmax", "fit_sizes": True})
    told = circuit_and_data(settings, ("train", "test")).described()
    assert told["label_column"] == "label" and told["input_names"] == [str(n) for n in range(33)]


@pytest.mark.parametrize("label", [0, 3])
def test_one_label_is_nothing_to_learn(tmp_path, label, capsys):
    """It would be answered with an accuracy of 100 %. A test part of one label is fine."""
    path = tmp_path / "x.csv"
    path.write_text("a,b,label,part\n" + f"0.1,0.2,{label},train\n0.5,0.1,{label},test\n" * 3)
    words = ["--data", f"csv:{path}", "--fit-sizes", "--samples", "2", "--out", str(tmp_path / "out")]
    assert main(["train", *words]) == 2
    said = capsys.readouterr().err
    assert f"all training samples have the label {label} (its column 'label'): there is nothing to tell" in said
    assert main(["evaluate", *words, "--weights", str(path)]) == 2
    assert f"all samples have the label {label}" in capsys.readouterr().err
    path.write_text(path.read_text() + "0.3,0.3,1,train\n")
    assert main(["train", *words]) == 0
    assert main(["evaluate", *words[:3], "--weights", f"{tmp_path}/out/weights.pt", "--out", f"{tmp_path}/e"]) == 0


def test_labels_that_do_not_occur_are_counted(tmp_path, caplog):
    (tmp_path / "x.csv").write_text("a,b,label\n" + "0.1,0.2,1\n0.5,0.1,4\n0.5,0.1,9\n" * 3)
    settings = TrainConfiguration.of({"data": f"csv:{tmp_path / 'x.csv'}", "fit_sizes": True})
    assert circuit_and_data(settings, ("train", "test")).circuit.output.size == 10
    assert "3 of 10 labels from 0 occur (its column 'label'); the output cells of the others" in caplog.text


def test_on_and_off_cells_take_signed_data_as_they_are(files):
    """`--on-off` is for activities that may be negative, those of the input too; a network in rate takes no notice."""
    settings = {"data": files["npz"], "fit_sizes": True}
    with pytest.raises(SpikedtpError, match=r"must lie in \[0, 1\]"):
        circuit_and_data(CompareConfiguration.of(settings), ("test",))
    material = circuit_and_data(CompareConfiguration.of(settings | {"on_off": True}), ("test",))
    assert material.data.test_x.min() < 0 and material.circuit.input.size == 33
    for more, command in (
        ({"loop": "closed", "population": "all"}, CompareConfiguration), ({"mode": "spiking"}, TrainConfiguration),
        ({"mode": "spiking"}, EvaluateConfiguration),
    ):  # fmt: skip
        material = circuit_and_data(command.of(settings | more | {"on_off": True}), ("train", "test"))
        assert material.data.test_x.min() < 0
    with pytest.raises(SpikedtpError, match=r"must lie in \[0, 1\]"):
        circuit_and_data(TrainConfiguration.of(settings | {"on_off": True}), ("train",))


def test_paths_are_kept_but_names_are_not(tmp_path, monkeypatch):
    """A folder that is called as a data set of scikit-learn is not meant."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").mkdir()
    for data, kept in (
        ("sklearn:iris", "sklearn:iris"), ("npz:a.npz", f"npz:{tmp_path}/a.npz"), ("csv:a.csv", f"csv:{tmp_path}/a.csv")
    ):  # fmt: skip
        assert TrainConfiguration(data=data).absolute().data == kept


def test_a_changed_file_is_another_job(files, tmp_path):
    with np.load(files["npz"].removeprefix("npz:")) as arrays:
        np.savez(tmp_path / "x.npz", **arrays)
    settings = CompareConfiguration.of({"data": f"npz:{tmp_path / 'x.npz'}"})
    assert tmp_path / "x.npz" in input_files(settings)
    hashed = {path: path.name for path in input_files(settings)}
    before = job_key(settings, hashed.get)
    assert before == job_key(settings, hashed.get) != job_key(settings, (hashed | {tmp_path / "x.npz": "other"}).get)


def test_a_test_part_without_samples(tmp_path, capsys):
    (tmp_path / "x.csv").write_text("a,label,part\n0.5,0,train\n0.1,1,train\n")
    words = ["--data", f"csv:{tmp_path / 'x.csv'}", "--fit-sizes"]
    assert main(["train", *words, "--samples", "2", "--out", str(tmp_path / "out")]) == 0
    assert "no test part" in capsys.readouterr().out
    assert (
        main(["compare", *words, "--weights", str(tmp_path / "out" / "weights.pt"), "--out", str(tmp_path / "c")]) == 2
    )
    assert "has no test samples" in capsys.readouterr().err


def test_validation_takes_training_samples_and_never_reads_the_test_part(monkeypatch, tmp_path):
    import spikedtp.jobs.data as module

    whole = module.load("digits")

    def load(spec, parts, **options):
        assert list(parts) == ["train"]
        return module_load(spec, parts, **options)

    module_load = module.load
    monkeypatch.setattr(module, "load", load)
    held_out = {}
    for seed in (0, 0, 1):
        settings = TrainConfiguration(samples=20, validation=300, validation_seed=seed)
        data = circuit_and_data(settings, ("train", "test")).data
        assert len(data.train_y) == 1198 - 300 and len(data.test_y) == 300
        both = np.concatenate([data.train_x, data.test_x])
        assert sorted(map(bytes, both)) == sorted(map(bytes, whole.train_x))  # each once, none of the test part
        assert held_out.setdefault(seed, data.test_x.tobytes()) == data.test_x.tobytes()
        assert sorted(np.unique(data.test_y)) == list(range(10))
    assert len(set(held_out.values())) == 2
    words = ["--validation", "300", "--out", str(tmp_path / "out")]
    assert main(["train", "--samples", "20", *words]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["n_validation"] == 300 and 0 <= summary["validation_accuracy"] <= 1
    assert "n_test" not in summary and "test_accuracy" not in summary
    weights = ["--weights", str(tmp_path / "out" / "weights.pt"), "--out", str(tmp_path / "evaluated")]
    assert main(["evaluate", "--validation", "300", *weights]) == 0
    again = json.loads((tmp_path / "evaluated" / "summary.json").read_text())
    assert again["part"] == "validation" and again["accuracy"] == summary["validation_accuracy"]
    with pytest.raises(SpikedtpError, match="must be between 1 and 1197 of its 1198 training samples, got 1198"):
        circuit_and_data(TrainConfiguration(validation=1198), ("train", "test"))

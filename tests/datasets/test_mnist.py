"""Folders of IDX files: MNIST, Fashion-MNIST, EMNIST and torchvision's, with any labels and any shape."""

import numpy as np
import pandas as pd
import pytest
from idx_files import idx, write_mnist

from spikedtp.cli import main
from spikedtp.datasets import data_files, load, parts_of
from spikedtp.errors import SpikedtpError


def one_line(error) -> str:
    text = str(error.value)
    assert text and "\n" not in text
    return text


class TestMnist:
    @pytest.mark.parametrize("zipped", [True, False])
    def test_values(self, tmp_path, zipped):
        made = write_mnist(tmp_path, zipped=zipped)
        data = load(f"mnist:{tmp_path}")
        assert data.side == 4 and data.n_inputs == 16
        for prefix, x, t, y in (
            ("train", data.train_x, data.train_t, data.train_y),
            ("t10k", data.test_x, data.test_t, data.test_y),
        ):
            images, labels = made[prefix]
            np.testing.assert_array_equal(x, images.reshape(len(images), -1).astype(np.float32) / np.float32(255))
            np.testing.assert_array_equal(y, labels)
            np.testing.assert_array_equal(t.argmax(1), labels)
            assert x.dtype == t.dtype == np.float32 and y.dtype == np.int64

    def test_a_half_that_is_not_asked_for_may_be_missing(self, tmp_path):
        write_mnist(tmp_path)
        for path in tmp_path.glob("train-*"):
            path.unlink()
        assert load(f"mnist:{tmp_path}", parts=("test",)).test_x.shape == (3, 16)
        with pytest.raises(SpikedtpError, match="train-images-idx3-ubyte") as error:
            load(f"mnist:{tmp_path}")
        one_line(error)

    def test_plain_wins_over_zipped_and_dots_are_accepted(self, tmp_path):
        write_mnist(tmp_path, seed=1)
        made = write_mnist(tmp_path, seed=2, zipped=False)
        (tmp_path / "t10k-images-idx3-ubyte").rename(tmp_path / "t10k-images.idx3-ubyte")
        (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
        data = load(f"mnist:{tmp_path}")
        np.testing.assert_array_equal(data.train_x[0] * 255, made["train"][0][0].ravel())
        np.testing.assert_array_equal(data.test_x[0] * 255, made["t10k"][0][0].ravel())

    def test_bad_label(self, tmp_path):
        write_mnist(tmp_path, zipped=False)
        (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([1, 10, 2], np.uint8)))
        with pytest.raises(
            SpikedtpError, match=r"label 10 of sample 1 .* at least 11 output cells, this one has 10"
        ) as error:
            load(f"mnist:{tmp_path}", n_classes=10)
        assert "get the file again" not in one_line(error)

    def test_images_and_labels_must_match(self, tmp_path):
        write_mnist(tmp_path, zipped=False)
        (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([1, 2], np.uint8)))
        with pytest.raises(SpikedtpError, match=r"3 images but .* 2 labels") as error:
            load(f"mnist:{tmp_path}")
        one_line(error)

    def test_both_halves_have_one_shape(self, tmp_path):
        write_mnist(tmp_path, zipped=False)
        (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((3, 4, 5), np.uint8)))
        assert load(f"mnist:{tmp_path}", ("test",)).shape == (4, 5)
        for shape in ((3, 4, 5), (3, 5, 5), (3, 2, 8)):
            (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros(shape, np.uint8)))
            with pytest.raises(
                SpikedtpError, match=f"train images are 4 x 4 pixels, test images {shape[1]} x {shape[2]}"
            ):
                load(f"mnist:{tmp_path}")


class TestPlaces:
    """Where torchvision and EMNIST put their files."""

    @pytest.mark.parametrize("seed", range(4))
    def test_any_shape(self, tmp_path, seed):
        rng = np.random.default_rng(seed)
        rows, columns = (int(n) for n in rng.integers(1, 9, 2))
        images = rng.integers(0, 256, (5, rows, columns), dtype=np.uint8)
        (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(rng.integers(0, 9, 5, dtype=np.uint8)))
        data = load(f"mnist:{tmp_path}", ("test",))
        assert data.shape == (rows, columns) and data.n_inputs == rows * columns
        np.testing.assert_array_equal(np.round(data.test_x * 255).astype(int), images.reshape(5, -1))

    def test_torchvisions_folders(self, tmp_path):
        raw = tmp_path / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        made = write_mnist(raw)
        for folder in (raw, raw.parent, tmp_path):
            data = load(f"mnist:{folder}")
            np.testing.assert_array_equal(data.train_y, made["train"][1])
            assert parts_of(f"mnist:{folder}") == ("train", "test") and len(data_files(f"mnist:{folder}")) == 4
        other = tmp_path / "KMNIST" / "raw"
        other.mkdir(parents=True)
        write_mnist(other)
        with pytest.raises(
            SpikedtpError, match=r"several data sets: choose one of mnist:.*FashionMNIST/raw, mnist:.*KMNIST"
        ):
            load(f"mnist:{tmp_path}")

    def test_names_of_emnist(self, tmp_path):
        """One folder holds six data sets; a name in front of the files chooses one."""
        made = {}
        for name in ("emnist-letters", "emnist-balanced"):
            folder = tmp_path / name
            folder.mkdir()
            made[name] = write_mnist(folder, seed=len(name))
            for path in folder.iterdir():
                path.rename(tmp_path / f"{name}-{path.name.replace('t10k', 'test')}")
            folder.rmdir()
        with pytest.raises(SpikedtpError, match=r"choose one of mnist:.*/emnist-balanced, mnist:.*/emnist-letters$"):
            load(f"mnist:{tmp_path}")
        for name, images in made.items():
            data = load(f"mnist:{tmp_path / name}")
            np.testing.assert_array_equal(np.round(data.test_x * 255), images["t10k"][0].reshape(3, -1))
            assert {path.name.partition("-t")[0] for path in data_files(f"mnist:{tmp_path / name}")} == {name}
        for path in tmp_path.glob("emnist-balanced*"):
            path.unlink()
        assert len(load(f"mnist:{tmp_path}").test_y) == 3  # one name alone needs no choice

    def test_a_training_half_alone(self, tmp_path):
        write_mnist(tmp_path)
        for path in tmp_path.glob("t10k-*"):
            path.unlink()
        assert parts_of(f"mnist:{tmp_path}") == ("train",)


class TestOtherLabels:
    """IDX files of other data sets: letters 1 to 26, EMNIST's 47 or 62 classes, three shapes."""

    @staticmethod
    def relabelled(folder, train, test):
        write_mnist(folder, n_train=len(train), n_test=len(test), zipped=False)
        for prefix, labels in (("train", train), ("t10k", test)):
            (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(np.array(labels, np.uint8)))
        return f"mnist:{folder}"

    @pytest.mark.parametrize("seed", range(6))
    def test_any_labels(self, tmp_path, seed):
        rng = np.random.default_rng(seed)
        highest = int(rng.choice([2, 9, 10, 26, 46, 61, 255]))
        train, test = ([int(n) for n in rng.integers(0, highest + 1, 30)] for _ in range(2))
        train[rng.integers(30)] = highest
        spec = self.relabelled(tmp_path, train, test)
        data = load(spec)
        assert data.n_classes == max(10, highest + 1)
        for t, y, given in ((data.train_t, data.train_y, train), (data.test_t, data.test_y, test)):
            assert y.tolist() == given and t.shape == (30, data.n_classes)
            assert np.array_equal(t.argmax(axis=1), y) and np.array_equal(t.sum(axis=1), np.ones(30))
        for n in (highest + 1, highest + 20):  # a circuit's output cells decide how long targets are
            assert load(spec, n_classes=n).train_t.shape == load(spec, n_classes=n).test_t.shape == (30, n)
            assert load(spec, ("test",), n_classes=n).n_classes == n
        if highest:
            with pytest.raises(
                SpikedtpError, match=f"label {highest} of sample .* at least {highest + 1} output cells"
            ):
                load(spec, n_classes=highest)

    @pytest.mark.parametrize("command", ["train", "evaluate", "compare"])
    def test_commands_name_the_circuit(self, tmp_path, command, capsys):
        spec = self.relabelled(tmp_path, [1, 11, 3], [1, 2, 26])
        assert main([command, "--data", spec, "--out", str(tmp_path / "out")]) == 2
        assert "output cells, this one has 10" in capsys.readouterr().err

    def test_letters_are_trained_and_evaluated(self, tmp_path, small_circuit):
        """A circuit of 27 output cells, for labels from 1 to 26."""
        import yaml

        values = yaml.safe_load(small_circuit.read_text())
        values["layer_config"]["Input"]["E"]["size"] = 16
        values["layer_config"]["Output"]["E"]["size"] = 27
        circuit = tmp_path / "letters.yaml"
        circuit.write_text(yaml.safe_dump(values, sort_keys=False))
        labels = list(range(1, 27))
        spec = self.relabelled(tmp_path, labels, labels[:5])
        out, again = tmp_path / "out", tmp_path / "again"
        few = ["--circuit", str(circuit), "--data", spec]
        assert main(["train", *few, "--samples", "30", "--out", str(out)]) == 0
        assert main(["evaluate", *few, "--weights", str(out / "weights.pt"), "--out", str(again)]) == 0
        table = pd.read_csv(again / "confusion.csv")
        assert len(table) == 27 * 27 and table["n"].sum() == 5
        assert table.groupby("label")["n"].sum().to_dict() == {k: int(1 <= k <= 5) for k in range(27)}

"""Digits and MNIST: the split is fixed, and a damaged IDX file gives one clear line, never another exception."""

import gzip
import hashlib
import struct
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from spikedtp.cli import main
from spikedtp.datasets import load, read_idx
from spikedtp.errors import SpikedtpError


def idx(array: np.ndarray, dtype: int = 8) -> bytes:
    return bytes((0, 0, dtype, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_mnist(folder, n_train=7, n_test=3, side=4, zipped=True, seed=0):
    rng = np.random.default_rng(seed)
    made = {}
    for prefix, n in (("train", n_train), ("t10k", n_test)):
        images = rng.integers(0, 256, (n, side, side), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        made[prefix] = images, labels
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            data = idx(array)
            suffix = ".gz" if zipped else ""
            (folder / f"{prefix}-{name}-ubyte{suffix}").write_bytes(gzip.compress(data) if zipped else data)
    return made


def one_line(error) -> str:
    text = str(error.value)
    assert text and "\n" not in text
    return text


class TestDigits:
    def test_shapes_types_and_range(self):
        data = load("digits")
        assert data.name == "digits" and data.side == 8 and data.n_inputs == 64
        assert data.train_x.shape == (1198, 64) and data.test_x.shape == (599, 64)
        for x, t, y in ((data.train_x, data.train_t, data.train_y), (data.test_x, data.test_t, data.test_y)):
            assert x.dtype == np.float32 and t.dtype == np.float32 and y.dtype == np.int64
            assert x.min() == 0 and x.max() == 1
            np.testing.assert_array_equal(t.sum(axis=1), 1)
            np.testing.assert_array_equal(t.argmax(axis=1), y)

    def test_the_split_is_a_partition_of_all_digits(self):
        data, bunch = load("digits"), load_digits()
        ours = np.concatenate([data.train_x, data.test_x]) * 16
        order = lambda a: a[np.lexsort(a.T)]  # noqa: E731
        np.testing.assert_array_equal(order(ours), order(bunch.data.astype(np.float32)))

    def test_the_split_never_changes(self):
        """Golden: a changed split would mix training and test data of shipped weights."""
        data = load("digits")
        assert data.test_y[:12].tolist() == GOLDEN_TEST_LABELS
        pixels = np.round(np.concatenate([data.train_x, data.test_x]) * 16).astype(np.uint8)
        assert hashlib.sha256(pixels.tobytes()).hexdigest()[:16] == GOLDEN_DIGEST

    def test_classes_are_balanced(self):
        counts = np.bincount(load("digits").test_y, minlength=10)
        assert counts.min() >= 57 and counts.max() <= 63

    def test_the_split_does_not_touch_the_global_generator(self):
        np.random.seed(1)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        load("digits")
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002

    def test_one_half(self):
        data = load("digits", parts="test")
        assert data.train_x.shape == (0, 64) and data.train_t.shape == (0, 10) and data.train_y.shape == (0,)
        np.testing.assert_array_equal(data.test_x, load("digits").test_x)


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

    def test_digits_have_ten(self):
        assert load("digits", n_classes=12).test_t.shape == (599, 12)
        with pytest.raises(SpikedtpError, match="'digits' has 10 classes, the circuit 3 output cells"):
            load("digits", n_classes=3)

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


class TestSpecs:
    @pytest.mark.parametrize("spec", ["", "cifar", "digits:here", "MNIST:x", "mnist2:x"])
    def test_unknown_names_list_the_known(self, spec):
        with pytest.raises(SpikedtpError, match=r"digits, mnist:DIR") as error:
            load(spec)
        one_line(error)

    @pytest.mark.parametrize("spec", ["mnist", "mnist:"])
    def test_mnist_needs_a_folder(self, spec):
        with pytest.raises(SpikedtpError, match="mnist:DIR") as error:
            load(spec)
        one_line(error)

    def test_missing_folder_and_file_instead_of_folder(self, tmp_path):
        file = tmp_path / "file"
        file.write_text("x")
        for where in (tmp_path / "nowhere", file):
            with pytest.raises(SpikedtpError, match="no folder") as error:
                load(f"mnist:{where}")
            one_line(error)

    def test_unknown_part(self):
        with pytest.raises(SpikedtpError, match="validation"):
            load("digits", parts=("validation",))


GOOD = idx(np.arange(48, dtype=np.uint8).reshape(3, 4, 4))


class TestDamagedIdx:
    @pytest.mark.parametrize("zipped", [True, False])
    def test_good(self, tmp_path, zipped):
        path = tmp_path / "x"
        path.write_bytes(gzip.compress(GOOD) if zipped else GOOD)
        np.testing.assert_array_equal(read_idx(path, 3).ravel(), np.arange(48))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "starts with nothing"),
            (b"\x00\x00\x08\x01" + GOOD[4:], "images"),
            (b"\x00\x00\x0d\x03" + GOOD[4:], "starts with 00000d03"),
            (b"<html>not found</html>", "starts with 3c68746d"),
            (GOOD[:10], "ends inside its header"),
            (GOOD[:-1], "holds"),
            (GOOD + b"\x00", "holds"),
            (b"\x00\x00\x08\x03" + struct.pack(">3I", 0, 4, 4), "nothing in it"),
            (b"\x00\x00\x08\x03" + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1), "more than the 256 MiB"),
            (b"\x00\x00\x08\x03" + struct.pack(">3I", 10000, 100, 100), "holds"),
        ],
    )
    @pytest.mark.parametrize("zipped", [True, False])
    def test_messages(self, tmp_path, data, message, zipped):
        path = tmp_path / "x"
        path.write_bytes(gzip.compress(data) if zipped else data)
        with pytest.raises(SpikedtpError, match=message) as error:
            read_idx(path, 3)
        assert str(path) in one_line(error)

    @pytest.mark.parametrize("zipped", [True, False])
    def test_every_truncation_and_many_mutations(self, tmp_path, zipped):
        rng = np.random.default_rng(5)
        data = gzip.compress(GOOD) if zipped else GOOD
        cases = [data[:n] for n in range(len(data))]
        for _ in range(300):
            mutated = bytearray(data)
            for _ in range(rng.integers(1, 4)):
                mutated[rng.integers(len(data))] = rng.integers(256)
            cases.append(bytes(mutated))
        path, refused = tmp_path / "x", 0
        for case in cases:
            path.write_bytes(case)
            try:
                assert read_idx(path, 3).ndim == 3
            except SpikedtpError as error:
                assert "\n" not in str(error)
                refused += 1
        assert refused >= len(data)

    def test_a_gzip_bomb_takes_no_memory(self, tmp_path):
        path = tmp_path / "bomb.gz"
        path.write_bytes(gzip.compress(GOOD + bytes(2**28)))
        tracemalloc.start()
        with pytest.raises(SpikedtpError, match="the file holds more"):
            read_idx(path, 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 2**20

    def test_a_large_claim_takes_no_memory(self, tmp_path):
        path = tmp_path / "x"
        claim = b"\x00\x00\x08\x03" + struct.pack(">3I", 20000, 100, 100) + bytes(100)
        path.write_bytes(gzip.compress(claim + bytes(2**18)))
        tracemalloc.start()
        with pytest.raises(SpikedtpError, match="holds"):
            read_idx(path, 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 2**20

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

    def test_images_must_be_square_and_alike(self, tmp_path):
        write_mnist(tmp_path, zipped=False)
        (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((3, 4, 5), np.uint8)))
        with pytest.raises(SpikedtpError, match="4 x 5"):
            load(f"mnist:{tmp_path}")
        (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((3, 5, 5), np.uint8)))
        with pytest.raises(SpikedtpError, match="4 pixels wide"):
            load(f"mnist:{tmp_path}")


GOLDEN_TEST_LABELS = [8, 8, 1, 4, 3, 7, 5, 6, 0, 6, 0, 0]
GOLDEN_DIGEST = "476247558b05f243"

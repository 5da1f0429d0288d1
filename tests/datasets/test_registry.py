"""Data sets by name: unknown ones, what a loader gives, which parts there are."""

import numpy as np
import pytest

from spikedtp.datasets import Dataset, load, register_dataset
from spikedtp.errors import SpikedtpError


def one_line(error) -> str:
    text = str(error.value)
    assert text and "\n" not in text
    return text


class TestSpecs:
    @pytest.mark.parametrize("spec", ["", "cifar", "digits:here", "MNIST:x", "mnist2:x"])
    def test_unknown_names_list_the_known(self, spec):
        with pytest.raises(
            SpikedtpError, match=r"known are csv:FILE, digits, mnist:DIR, npz:FILE, sklearn:NAME, spirals$"
        ) as error:
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

    @pytest.mark.parametrize("kind", ["npz", "csv"])
    def test_a_file_is_needed(self, kind):
        with pytest.raises(SpikedtpError, match=f"'{kind}' needs a file: write {kind}:FILE"):
            load(kind)

    def test_no_part(self):
        with pytest.raises(SpikedtpError, match="name 'train', 'test' or both"):
            load("digits", ())


class TestLoaders:
    def test_what_fails_inside_one_is_told_in_a_line(self):
        """Such as what an earlier version called `side`."""
        nothing = np.zeros((0, 4))

        def old(argument, parts):
            return Dataset("old", side=2, train_x=nothing, train_t=nothing, train_y=nothing[:, 0], test_x=nothing,
                           test_t=nothing, test_y=nothing[:, 0])  # fmt: skip

        register_dataset("old", old)
        with pytest.raises(
            SpikedtpError, match=r"'old': its loader failed: TypeError: .*'side' \(test_registry.py"
        ) as error:
            load("old")
        one_line(error)

    def test_it_may_give_inputs_of_any_size(self):
        """A scaling is computed on the training part, whichever part was asked for."""
        asked = []

        @register_dataset("wide")
        def wide(argument, parts):
            asked.append(tuple(parts))
            return Dataset.from_arrays([[0, 4], [2, 8]], [0, 1], [[1, 9]], [1], scale="raw", name="wide")

        with pytest.raises(SpikedtpError, match=r"'wide', training part: its inputs go from 0 to 8"):
            load("wide")
        assert load("wide", ("test",), scale="minmax").test_x.tolist() == [[0.5, 1.0]]
        assert load("wide", ("test",), scale="raw").test_x.tolist() == [[1, 9]]
        assert asked == [("train", "test"), ("train", "test"), ("test",)]

    def test_its_own_scaling_is_kept(self):
        x = np.random.default_rng(0).normal(size=(12, 3))

        @register_dataset("scaled_by_itself")
        def scaled(argument, parts):
            return Dataset.from_arrays(x, np.arange(12) % 2, scale="minmax")

        data = load("scaled_by_itself", ("test",))
        assert data.scaling.scale == "minmax" and data.scaling(100 * x).max() == 1
        with pytest.raises(SpikedtpError, match=r"scaled already .minmax of 3 ranges.: leave out --scale standard"):
            load("scaled_by_itself", scale="standard")

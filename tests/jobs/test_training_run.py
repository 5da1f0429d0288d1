"""An interrupted run continues to the same bytes; damaged leftovers are named."""

import numpy as np
import pytest
from jobs.short_training import settings

from spikedtp import SpikedtpError
from spikedtp.jobs.train import run_training


@pytest.mark.parametrize("mode", ["rate", "spiking"])
def test_a_killed_run_continues_to_the_same_bytes(mode, tmp_path, few_test_images):
    run_training(settings(mode), tmp_path / "whole")

    def kill(done, right):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(settings(mode), tmp_path / "again", kill)
    assert not (tmp_path / "again").exists()
    kept = tmp_path / "again.unfinished.npz"
    with np.load(kept) as file:
        assert file["done"] == 2 and file["rule_state/H1E_InputE/past_pre"].any()
    with pytest.raises(SpikedtpError, match="unfinished run with other settings"):
        run_training(settings(mode, seed=4), tmp_path / "again")
    seen = []
    run_training(settings(mode), tmp_path / "again", lambda done, right: seen.append(done))
    assert seen == [3, 4] and not kept.exists()
    for name in ("weights.pt", "summary.json", "learning_curve.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_damaged_leftovers_are_named(tmp_path):
    (tmp_path / "out.unfinished.npz").write_bytes(b"PK not really")
    with pytest.raises(SpikedtpError, match="damaged: delete it"):
        run_training(settings("rate"), tmp_path / "out")

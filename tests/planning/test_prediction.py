"""Standard errors of plans against plans that were drawn again and again."""

import numpy as np
import pytest
from brian2 import Hz, ms

from spikedtp import plan
from spikedtp.planning import Numbers
from spikedtp.planning.prediction import predict


@pytest.mark.parametrize(("repeats", "most"), [(1, 1.3), (4, 1.5), (16, 2)])
def test_the_standard_error_is_how_far_other_draws_lie(repeats, most):
    """Means of repeats share draws, so that many of them are not so many independent ones."""
    numbers = Numbers(cells=30, n_post=3, fan_in=20, rates=[5, 20] * Hz, duration=100 * ms, read="mean")
    planned = plan(numbers, n_draws=20)
    scene, found = planned.scene, []
    for seed in range(60):
        drawn = scene.draw(planned.setting, n_draws=160, seed=seed)
        found.append(predict(scene, drawn, repeats)["post_pre"].row())
    spread = np.std([row["cosine"] for row in found], ddof=1)
    stated = np.median([row["cosine_error"] for row in found])
    assert 0.75 < stated / spread < most  # the spread of 60 is known to 9 %

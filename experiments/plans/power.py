"""Two rules, compared a hundred times at the planned number of presentations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, ms
from scipy import stats

from plans.backwards import POPULATION, PROJECTION
from plans.cases import Case
from plans.simulated import changed
from spikedtp.planning import presentations_needed
from spikedtp.planning.power import spread_of_differences

__all__ = ["POWER", "compare_rules"]

RULES = ("HebbWeightNorm", "Oja")  # their cosines differ a little
POWER, ERROR_RATE = 0.8, 0.05
OPTIONS: dict[str, Any] = {"unit_rate": 60 * Hz, "time_per_step": 10 * ms, "population": POPULATION}
SPARE = 1.4  # more presentations of each image than it is shown on average: images are drawn at random


def compare_rules(case: Case, n_tests: int, n_draws: int) -> tuple[dict[str, Any], pd.DataFrame]:
    """In which share of simulated comparisons a paired t-test finds the difference. No presentation is used twice."""
    cases = [case.with_rule(PROJECTION, rule, k) for k, rule in enumerate(RULES)]
    plans = [one.plan(n_draws=n_draws, **OPTIONS) for one in cases]
    difference, spread = spread_of_differences(*(p.predictions[PROJECTION].cosine for p in plans))
    n = presentations_needed(difference, spread, error_rate=ERROR_RATE, power=POWER)
    each = int(SPARE * n * n_tests / len(case.x)) + 20
    cosines = [_cosines(one, each) for one in cases]
    rng, used, rows = np.random.default_rng(case.seed), np.zeros(len(case.x), int), []
    for _ in range(n_tests):
        images = rng.integers(len(case.x), size=n)
        places = np.empty(n, int)
        for k, image in enumerate(images):
            places[k], used[image] = used[image], used[image] + 1
        first, second = (some[images, places] for some in cosines)
        rows.append([float(np.mean(first - second)), float(stats.ttest_rel(first, second).pvalue)])
    tests = pd.DataFrame(rows, columns=["difference", "p"])
    found = int((tests["p"] < ERROR_RATE).sum())
    low, high = stats.binomtest(found, n_tests).proportion_ci()
    differences = cosines[0].mean(axis=1) - cosines[1].mean(axis=1)
    return {
        "power.n_planned": n, "power.difference.planned": difference, "power.spread.planned": spread,
        "power.difference.simulated": float(differences.mean()), "power.share_planned": POWER,
        "power.share_detected": found / n_tests, "power.share.low": float(low), "power.share.high": float(high),
    }, tests  # fmt: skip


def _cosines(case: Case, n: int) -> np.ndarray:
    """Of single presentations, `(images, n)`."""
    response = case.respond(n, projections=[PROJECTION], **OPTIONS)
    learned, found = response.projections[PROJECTION], []
    factors = learned.factors()
    for sample in range(len(case.x)):
        reference = case.rate.updates(PROJECTION, sample)
        updates = (changed(learned, factors, sample, repeat) for repeat in range(n))
        length = np.linalg.norm(reference)
        found.append([np.vdot(reference, one) / max(length * np.linalg.norm(one), 1e-300) for one in updates])
    return np.array(found)

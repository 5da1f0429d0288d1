"""What a search refuses before anything is imported for it, each in one line."""

from __future__ import annotations

import pytest

from spikedtp.configuration import SearchConfiguration
from spikedtp.errors import SpikedtpError

GOOD = {"base": {"validation": 300}, "parameters": {"unit-rate": {"low": 100, "high": 1000}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {}}, "a search needs parameters to vary"),
        ({"parameters": {"schedule": []}}, "parameters.schedule: needs at least one choice"),
        ({"parameters": {"dt": {"low": 1, "high": 1}}}, "needs low < high"),
        ({"parameters": {"dt": {"low": 0, "high": 1, "scale": "log"}}}, "low > 0 on a log scale"),
        ({"parameters": {"dt": {"low": 1, "high": 2, "step": 1}}}, "parameters.dt.step"),
        ({"parameters": {"unit-rate": [1, 2], "unit_rate": [3]}}, "stands there twice"),
        ({"parameters": {"data-seed": [0, 1]}}, "the search sets data-seed itself"),
        ({"parameters": {"validation": [100, 200]}}, "the search sets validation itself"),
        ({"base": {}}, "a search never sees the test part"),
        ({"base": {"validation": 0}}, "a search never sees the test part"),
        ({"base": {"validation": 300, "seed": 1}}, "base.seed: give it to the search itself, as seeds"),
        ({"base": {"validation": 300, "out": "x"}}, "base.out: give it to the search itself"),
        ({"objective": "test_accuracy"}, "unknown objective 'test_accuracy': known are validation_accuracy, "),
        ({"objective": "cosine,cosine"}, "names an objective twice"),
        ({"objective": []}, "unknown objective"),
        ({"trials": 0}, "trials: should be greater than or equal to 1"),
        ({"seeds": []}, "seeds: "),
        ({"seeds": [1, 1]}, "seeds: one of them stands there twice"),
        ({"seeds": [-1]}, "seeds.0: should be greater than or equal to 0"),
        ({"first": [{"dt": 1}]}, "first: dt is none of the parameters"),
        ({"first": [{"unit_rate": 200}] * 3, "trials": 2}, "first: 3 sets of values are more than 2 trials"),
        ({"command": "replay"}, "should be 'train', 'evaluate' or 'compare'"),
        ({"at_once": 0}, "at_once: should be greater than or equal to 1"),
    ],
)
def test_mistakes(changes, message):
    with pytest.raises(SpikedtpError) as caught:
        SearchConfiguration.of(GOOD | changes)
    assert message in str(caught.value)


def test_objectives_as_words_or_as_a_list(tmp_path):
    for written in ("cosine, milliseconds", ["cosine", "milliseconds"]):
        search = SearchConfiguration.of(GOOD | {"command": "compare", "objective": written})
        assert search.objectives == ("cosine", "milliseconds") and search.directions == ["maximize", "minimize"]
    search.save(tmp_path)
    saved = (tmp_path / "config.yaml").read_text()
    assert saved.startswith("command: search\n") and "job_command: compare" in saved
    for where in ("jobs:", "storage:", "study:", "scheduler:"):
        assert f"\n{where}" not in saved

"""Storages that cannot be opened, or hold what is another's: one line, and nothing changed."""

from __future__ import annotations

import sqlite3

import pytest
from search.searches import RATE, search

from spikedtp.errors import SpikedtpError
from spikedtp.search.samplers import pruner_named, sampler_named
from spikedtp.search.study import default_storage, open_study


def opened(settings, url, contents=("a",)):
    return open_study(settings, url, [*contents], sampler_named("RandomSampler", 0), pruner_named(None))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "cannot be opened"),
        ("sqlite://", "--storage sqlite:// forgets all trials when the search ends: name a file"),
        ("magic://host/name", "cannot be opened"),
        ("sqlite:////nowhere/at/all/study.db", "cannot be opened (OperationalError: "),
        ("postgresql://user:secret@127.0.0.1:9/name", "postgresql://user:***@127.0.0.1:9/name cannot be opened"),
    ],
)
def test_it_cannot_be_opened(url, message, small_circuit):
    with pytest.raises(SpikedtpError) as caught:
        opened(search(small_circuit), url)
    assert message in str(caught.value) and "\n" not in str(caught.value) and "secret" not in str(caught.value)


def test_files_that_are_no_storage(small_circuit, tmp_path):
    text = tmp_path / "text.db"
    text.write_text("no database at all, but long enough to look like one" * 50)
    with pytest.raises(SpikedtpError, match="cannot be opened"):
        opened(search(small_circuit), f"sqlite:///{text}")
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    before = other.read_bytes()
    with pytest.raises(SpikedtpError, match=r"is the database of another program \(it has a table 'birds'\)"):
        opened(search(small_circuit), f"sqlite:///{other}")
    assert other.read_bytes() == before


def test_studies_of_others(small_circuit, tmp_path):
    """Another search, another version or another program; a continued search may choose in another way."""
    import optuna

    url = f"sqlite:///{tmp_path / 'study.db'}"
    opened(search(small_circuit), url)
    opened(search(small_circuit, trials=9, sampler="QMCSampler", at_once=7, study="search"), url)
    for changes, contents, what in (
        ({"parameters": {RATE: {"low": 0.001, "high": 2}}}, "a", "other parameters"),
        ({"seeds": [1]}, "a", "other seeds"),
        ({"base": {"circuit": str(small_circuit), "samples": 41, "validation": 100}}, "a", "other base"),
        ({}, "b", "other files or version of spikedtp"),
    ):
        before = (tmp_path / "study.db").read_bytes()
        with pytest.raises(SpikedtpError, match=f"study 'search' .* was made by another search .{what}"):
            opened(search(small_circuit, **changes), url, contents)
        assert (tmp_path / "study.db").read_bytes() == before
        opened(search(small_circuit, **changes, study=what), url, contents)  # beside it is room
    optuna.create_study(storage=url, study_name="theirs").add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(SpikedtpError, match=r"study 'theirs' in .* was made by another program: name another --study"):
        opened(search(small_circuit, study="theirs"), url)
    optuna.create_study(storage=url, study_name="two", directions=["minimize", "maximize"])
    with pytest.raises(SpikedtpError, match=r"study 'two' in .* was made by another program"):
        opened(search(small_circuit, study="two"), url)


def test_names_of_folders(tmp_path, small_circuit):
    for name in ("a b", "50%", "{x}", "ü", "a#b"):
        folder = tmp_path / name
        folder.mkdir()
        opened(search(small_circuit), default_storage(folder))
        assert (folder / "study.db").stat().st_size
    with pytest.raises(SpikedtpError, match="cannot stand in the URL of a storage"):
        default_storage(tmp_path / "what?")

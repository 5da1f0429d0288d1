"""The study of a search in Optuna's storage: opened, checked to be this search's own, and told of what is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import sqlalchemy
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from spikedtp.configuration import SearchConfiguration
from spikedtp.errors import SpikedtpError, in_one_line, shown

__all__ = ["default_storage", "enqueue_again", "needing", "open_study", "storage_at", "storage_name"]

STUDIES = "studies"  # the table that every storage of Optuna has
#: The attribute of a study that says which search made it.
MADE_BY = "spikedtp"
#: What all trials of a study have in common. How they are chosen, and how many, may change when a search continues.
COMMON = ("job_command", "base", "parameters", "objective", "seeds", "plugins")


def default_storage(out: Path) -> str:
    """The URL of ``study.db`` in a folder."""
    url = f"sqlite:///{out / 'study.db'}"
    if sqlalchemy.make_url(url).database != str(out / "study.db"):
        raise SpikedtpError(f"output folder {out}: its name cannot stand in the URL of a storage; name a --storage")
    return url


def storage_name(url: str) -> str:
    """A storage as messages name it, without its password."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return shown(url)


def storage_at(url: str) -> RDBStorage:
    """Optuna's storage at a URL, in which Optuna would fill in braces."""
    return RDBStorage(url.replace("{", "{{").replace("}", "}}"))


def open_study(
    search: SearchConfiguration, url: str, contents: list[str], sampler: BaseSampler, pruner: BasePruner
) -> tuple[optuna.Study, RDBStorage]:
    """The study of a search, and its storage; a new study where the storage has none of its name.

    Parameters
    ----------
    search : SearchConfiguration
    url : str
        The storage.
    contents : list of str
        What the trials depend on besides the settings (`Space.contents`).
    sampler, pruner

    Raises
    ------
    SpikedtpError
        The storage cannot be opened, or holds a study of this name that is another's. Nothing is changed in it then.
    """
    name = storage_name(url)
    made_by = json.loads(json.dumps({**{key: search.saved().get(key) for key in COMMON}, "contents": contents}))
    try:
        _refuse_other_databases(url, name)
        storage = storage_at(url)
        study = optuna.create_study(
            storage=storage, study_name=search.study, directions=search.directions, sampler=sampler, pruner=pruner,
            load_if_exists=True,
        )  # fmt: skip
        found = study.user_attrs.get(MADE_BY)
        fits = [direction.name.lower() for direction in study.directions] == search.directions
        if found is None and fits and not study.get_trials(deepcopy=False):
            study.set_user_attr(MADE_BY, made_by)
            found = made_by
    except SpikedtpError:
        raise
    except Exception as problem:  # every driver of a database has errors of its own
        reason = in_one_line(problem).replace(url, name)
        raise SpikedtpError(f"--storage {name} cannot be opened ({reason})") from None
    differing = [key for key in made_by if not isinstance(found, dict) or found.get(key) != made_by[key]]
    if differing:
        what = ", ".join(_WORDS.get(key, key) for key in differing) if isinstance(found, dict) else ""
        by = f"another search (other {what})" if what else "another program"
        raise SpikedtpError(
            f"study {search.study!r} in {name} was made by {by}: name another --study, or another --storage or --out"
        )
    return study, storage


@contextmanager
def needing(url: str) -> Iterator[None]:
    """Inside, a storage that goes away ends the search with one line."""
    try:
        yield
    except (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError) as problem:
        name = storage_name(url)
        reason = in_one_line(problem).replace(url, name)
        raise SpikedtpError(
            f"--storage {name} is gone or damaged ({reason}): what is finished is kept; give the same command again "
            "when it is back"
        ) from None


def enqueue_again(study: optuna.Study, storage: RDBStorage, which: Callable[[FrozenTrial], bool]) -> None:
    """Put running trials back into the queue: whoever ran them was killed. What they drew, and their number, stays."""
    owner = storage.get_study_id_from_name(study.study_name)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if which(trial):
            number = storage.get_trial_id_from_study_id_trial_number(owner, trial.number)
            storage.set_trial_state_values(number, state=TrialState.WAITING)


_WORDS = {"contents": "files or version of spikedtp", "job_command": "command"}


def _refuse_other_databases(url: str, name: str) -> None:
    """Refuse a file of SQLite that belongs to another program, before Optuna adds tables to it; or no file at all."""
    address = sqlalchemy.make_url(url)
    path = address.database
    if address.get_backend_name() != "sqlite":
        return
    if path in (None, "", ":memory:"):
        raise SpikedtpError(f"--storage {name} forgets all trials when the search ends: name a file, sqlite:///FILE")
    if not Path(path).is_file() or not Path(path).stat().st_size:
        return
    engine = sqlalchemy.create_engine(url)
    try:
        tables = sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()
    if tables and STUDIES not in tables:
        raise SpikedtpError(f"--storage {name} is the database of another program (it has a table {tables[0]!r})")

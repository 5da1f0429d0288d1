"""The workers of a Dask cluster: whether they can run jobs, and jobs there with the contents of their files."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from spikedtp._version import __version__
from spikedtp.errors import SpikedtpError, in_one_line
from spikedtp.plugins import import_plugins, plugin_files
from spikedtp.records import file_hash
from spikedtp.records.manifest import package_versions
from spikedtp.spiking import compiler_available
from spikedtp.sweep.contents import Place, places_of, unpacked
from spikedtp.sweep.job import COMMANDS, FAILED, Job, run_job

__all__ = ["check_workers", "submitter"]

logger = logging.getLogger(__name__)

#: Asked of every machine in plain Python, since nothing of this package can be sent to one that lacks it.
VERSION = "__import__('spikedtp').__version__"


def check_workers(client: Any, jobs: Iterable[Job]) -> None:
    """Refuse a cluster whose machines cannot all run these jobs. It waits for the first worker.

    Parameters
    ----------
    client : distributed.Client
    jobs : iterable of dict

    Raises
    ------
    SpikedtpError
        One line that names a machine without the package, with another version of it, without a compiler where one is
        needed, or without a plugin or what that imports.
    """
    if not client.scheduler_info(n_workers=-1)["workers"]:
        logger.warning("the cluster has no worker yet: waiting for the first one")
        client.submit(eval, "1", pure=False).result()  # so that a cluster that grows by need starts one
    try:
        _check_version("the scheduler", client.run_on_scheduler(eval, VERSION))
    except Exception as problem:
        _check_version("the scheduler", problem)
    for address, version in client.run(eval, VERSION, on_error="return").items():
        _check_version(f"worker {address}", version)
    settings = [job["settings"] | {"command": job["command"]} for job in jobs]
    compiled = any(map(_needs_compiler, settings))
    plugins = list(dict.fromkeys(name for given in settings for name in given.get("plugins", ())))
    own = {path.name: file_hash(path) for path in plugin_files(plugins)}
    packages = package_versions()
    for address, found in client.run(_about_this_worker, plugins, on_error="return").items():
        if isinstance(found, BaseException):
            raise SpikedtpError(f"worker {address} has another spikedtp {__version__} than this machine: {found}")
        if compiled and not found["compiler"]:
            raise SpikedtpError(
                f"worker {address} ({found['host']}) has no C++ compiler: install g++ and make there, or use "
                "--set base.device=runtime"
            )
        if found["problem"]:
            raise SpikedtpError(f"worker {address} ({found['host']}): {found['problem']}")
        if other := [name for name in own if found["plugins"].get(name) != own[name]]:
            raise SpikedtpError(
                f"worker {address} ({found['host']}): its plugin {other[0]} is not the one of this machine: copy it "
                "there and start the worker again"
            )
        if other := [name for name in packages if packages[name] != found["packages"].get(name)]:
            logger.warning(
                "worker %s (%s) has %s %s, this machine %s: numbers may differ in their last digits",
                address, found["host"], other[0], found["packages"].get(other[0]), packages[other[0]],
            )  # fmt: skip


def _check_version(machine: str, version: Any) -> None:
    if isinstance(version, SpikedtpError):
        raise version
    if isinstance(version, ImportError):
        raise SpikedtpError(f"{machine} has no spikedtp: install version {__version__} there")
    if isinstance(version, BaseException):
        raise SpikedtpError(f"{machine}: spikedtp cannot be imported there: {in_one_line(version)}")
    if version != __version__:
        raise SpikedtpError(f"{machine} has spikedtp {version}, this machine {__version__}: install the same version")


def _needs_compiler(settings: Mapping[str, Any]) -> bool:
    """Whether a job compiles C++: not if it computes with rates alone."""
    rates_alone = settings.get("mode") == "rate" or (settings["command"] == "replay" and settings["form"] == "rate")
    return settings["device"] in (None, "cpp_standalone") and not rates_alone


def _about_this_worker(plugins: list[str]) -> dict[str, Any]:
    """What a worker says of itself."""
    import socket

    problem = None
    try:
        import_plugins(plugins)
    except SpikedtpError as error:
        problem = str(error)
    return {
        "host": socket.gethostname(),
        "compiler": compiler_available(),
        "problem": problem,
        "plugins": {path.name: file_hash(path) for path in plugin_files(plugins)},
        "packages": package_versions(),
    }


def submitter(client: Any, run: Callable[..., dict[str, Any]] = run_job) -> Callable[[Job], Any]:
    """How jobs are submitted: a function from a job to its future.

    A content goes to the cluster once, however many jobs need it. The scheduler keeps the contents: they survive the
    worker that holds them.
    """
    hashed, sent = functools.cache(file_hash), dict[str, Any]()

    def submit(job: Job) -> Any:
        places = [
            (place, [hashed(file) for file in place.files])
            for place in places_of(COMMANDS[job["command"]].of(job["settings"]))
        ]
        needed = {sha256: file for place, hashes in places for file, sha256 in zip(place.files, hashes, strict=True)}
        for sha256, file in needed.items():
            if sha256 not in sent:
                sent[sha256] = _sent(client, sha256, file)
        contents = {sha256: sent[sha256] for sha256 in needed}
        return client.submit(_run_there, __version__, job, places, contents, run, pure=False)

    return submit


def _sent(client: Any, sha256: str, file: Path) -> Any:
    """The future of a file's content."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # a data set is no slip
        return client.submit(bytes, file.read_bytes(), key=f"spikedtp-content-{sha256}")


def _run_there(
    version: str,
    job: Job,
    places: list[tuple[Place, list[str]]],
    contents: dict[str, bytes],
    run: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    """Run a job on a worker, which may have joined the cluster after the others were checked."""
    try:
        if version != __version__:
            raise SpikedtpError(f"a worker has spikedtp {__version__}, the sweep {version}: install the same version")
        with unpacked(job["settings"], places, contents) as (settings, restored):
            return restored(run({**job, "settings": settings}))
    except Exception as problem:  # such as a full disk of the worker
        return {**job, "status": FAILED, "error": in_one_line(problem), "results": {}, "seconds": None, "files": {}}

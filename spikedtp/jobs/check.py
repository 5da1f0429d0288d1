"""Whether this installation works: packages, compiler, threads, cache, and short simulations on each device."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_info

from spikedtp._version import __version__
from spikedtp.brian2_internals import doubts
from spikedtp.configuration import CompareConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.compare import compare_networks
from spikedtp.plasticity import MSTDPET
from spikedtp.records.manifest import compiler_version, package_versions
from spikedtp.spiking import compiler_available, replay
from spikedtp.spiking.engine.compiled.build_cache import cache_folder, cached_projects
from spikedtp.spiking.engine.devices import DEVICES

__all__ = ["Finding", "check_installation"]

N_IMAGES = 12  # of 420 ms each: five seconds of the network's time


class Finding(NamedTuple):
    """The result of one check. `ok` is None where the result is only information."""

    name: str
    ok: bool | None
    detail: str
    values: dict[str, Any]


def check_installation() -> Iterator[Finding]:
    """Check packages, compiler, threads, cache and devices one after the other. Each check yields a `Finding`.

    Examples
    --------
    >>> from spikedtp.jobs.check import check_installation
    >>> findings = check_installation()  # each check runs when its finding is asked for
    >>> next(findings).name
    'packages'
    """
    versions = package_versions()
    missing = [name for name, version in versions.items() if version is None]
    listed = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    python = platform.python_version()
    yield Finding(
        "packages", not missing, f"spikedtp {__version__}, Python {python}, {listed}",
        {"spikedtp": __version__, "python": python, **versions},
    )  # fmt: skip
    yield _brian2()
    compiler = compiler_version()
    compiles = compiler_available()
    without = "no C++ compiler ($CXX, or g++) with make: only the slower device 'runtime' works"
    yield Finding("compiler", compiles or None, compiler or "found" if compiles else without, {"compiler": compiler})
    libraries = {str(lib["prefix"]): int(lib["num_threads"]) for lib in threadpool_info()}
    threads = {"cores": os.cpu_count(), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"), "libraries": libraries}
    shown = ", ".join(f"{name} {n}" for name, n in libraries.items())
    detail = f"{threads['cores']} cores, OMP_NUM_THREADS {threads['OMP_NUM_THREADS'] or 'not set'}, {shown}"
    yield Finding("threads", None, detail, threads)
    yield _cache()
    for device in DEVICES:
        if DEVICES[device].available():
            yield _simulation(device)
            yield _stock_synapses(device)


def _brian2() -> Finding:
    """Whether this version is one that is tested, with all the private names that are relied on."""
    found = doubts()
    slower = f"{found}: Brian2's own ways are used where spikedtp has faster ones"
    return Finding("brian2", None if found else True, slower if found else "a version that is known", {"doubts": found})


def _cache() -> Finding:
    try:
        folder, projects = cache_folder(), cached_projects()
    except SpikedtpError as error:
        return Finding("cache", False, str(error), {"error": str(error)})
    free = shutil.disk_usage(folder).free
    detail = f"{folder}, {len(projects)} compiled projects, {free / 1e9:.1f} GB free"
    return Finding("cache", True, detail, {"folder": str(folder), "projects": len(projects), "free_bytes": free})


def _simulation(device: str) -> Finding:
    """The shipped model on one device; sound if its ΔW comes out about as its rates and Poisson noise predict."""
    started = time.perf_counter()
    try:
        found = compare_networks(CompareConfiguration.of({"samples": N_IMAGES, "device": device})).summary()
    except SpikedtpError as error:
        return Finding(f"simulation on {device}", False, str(error), {"error": str(error)})
    seconds = time.perf_counter() - started
    first = next(key.removesuffix(".rule.cosine.median") for key in found if key.endswith(".rule.cosine.median"))
    cosine, ceiling, noiseless = (
        found[f"{first}.rule.{measure}.median"] for measure in ("cosine", "noise_ceiling", "noiseless_cosine")
    )
    expected = ceiling * noiseless
    simulated = found["duration_ms"] * N_IMAGES / 1e3
    values = {"seconds": seconds, "simulated_s": simulated, "cosine": cosine, "expected_cosine": expected}
    detail = (
        f"{simulated:.1f} s of {found['n_cells']} cells with {found['n_inputs']} inputs in {seconds:.1f} s; "
        f"{first}: cosine with the rate network {cosine:.3f}, {expected:.3f} expected"
    )
    return Finding(f"simulation on {device}", abs(cosine - expected) < 0.15, detail, values)


def _stock_synapses(device: str) -> Finding:
    """A rule on Brian2's own synapses, with every row of the weights kept; sound if they are those of its rate form."""
    name, rng, started = f"synapses of Brian2 on {device}", np.random.default_rng(0), time.perf_counter()
    pre, post = rng.random((100, 8)) < 0.2, rng.random((100, 4)) < 0.2
    try:
        rate, spiking = (
            replay(MSTDPET(), pre, post, 0.5, modulator=rng_of.normal(size=100), form=form, device=device).w
            for form, rng_of in (("rate", np.random.default_rng(1)), ("spiking", np.random.default_rng(1)))
        )
    except SpikedtpError as error:
        return Finding(name, False, str(error), {"error": str(error)})
    seconds, off, change = time.perf_counter() - started, float(np.abs(rate - spiking).max()), float(np.ptp(rate))
    detail = (
        f"MSTDPET for 100 steps in {seconds:.1f} s: weights change by up to {change:.2g}, {off:.1g} off its equations"
    )
    return Finding(name, off < 1e-9 < change, detail, {"seconds": seconds, "off": off, "change": change})

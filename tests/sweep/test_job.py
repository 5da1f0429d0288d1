"""What a job meets is one line."""

from __future__ import annotations

import re

import yaml

from spikedtp.configuration import SweepConfiguration
from spikedtp.sweep import plan_jobs
from spikedtp.sweep.job import run_job


def test_what_a_job_meets_is_one_line(config, monkeypatch):
    """Also what no user did: with its type and place, so that the sweep goes on."""
    (job, *_) = plan_jobs(SweepConfiguration.of(yaml.safe_load(config.read_text())))

    def broken(configuration):
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("spikedtp.jobs.compare.compare_networks", broken)
    found = run_job({"key": "k", "settings": job.saved()})
    assert found["status"] == "failed"
    assert re.fullmatch(r"ZeroDivisionError: two lines \(test_job.py, line \d+\)", found["error"])

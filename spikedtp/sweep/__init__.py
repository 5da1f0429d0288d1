"""Many runs of one command: jobs from a plan, run on this machine or a Dask cluster, in one table."""

from spikedtp.sweep.plan import plan_jobs, varied_keys
from spikedtp.sweep.run import SweepResult, run_sweep

__all__ = ["SweepResult", "plan_jobs", "run_sweep", "varied_keys"]

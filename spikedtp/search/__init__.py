"""The best settings for an objective: trials are the jobs of a sweep, and Optuna chooses what to try next."""

from spikedtp.search.run import SearchResult, run_search

__all__ = ["SearchResult", "run_search"]

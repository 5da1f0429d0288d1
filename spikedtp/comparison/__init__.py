"""The main job, whole: present samples to both networks, compare their weight changes, write tables and figures."""

from spikedtp.comparison.job import Comparison, compare_networks, input_files, run_comparison

__all__ = ["Comparison", "compare_networks", "input_files", "run_comparison"]

"""What a spiking network, or an experiment, can see of a weight change, said beforehand from rates alone."""

from spikedtp.planning.entry import plan
from spikedtp.planning.number_scene import Numbers
from spikedtp.planning.planned import PlannedComparison
from spikedtp.planning.power import detectable_difference, presentations_needed
from spikedtp.planning.setting import Setting

__all__ = [
    "Numbers",
    "PlannedComparison",
    "Setting",
    "detectable_difference",
    "plan",
    "presentations_needed",
]

"""The settings of a run, one model per command: names, defaults, limits and help of every setting.

The command line makes its options from these models, `--config` files are checked against them, and every result keeps
its own as ``config.yaml``.
"""

from spikedtp.configuration.base import CONFIG_FILE, Configuration, flag
from spikedtp.configuration.commands import (
    CompareConfiguration,
    EvaluateConfiguration,
    ReplayConfiguration,
    TrainConfiguration,
)
from spikedtp.configuration.files import read_settings, set_key
from spikedtp.configuration.planning import PlanConfiguration
from spikedtp.configuration.searching import SearchConfiguration
from spikedtp.configuration.sweeping import Draws, SweepConfiguration

__all__ = [
    "COMMANDS",
    "CONFIG_FILE",
    "CompareConfiguration",
    "Configuration",
    "Draws",
    "EvaluateConfiguration",
    "PlanConfiguration",
    "ReplayConfiguration",
    "SearchConfiguration",
    "SweepConfiguration",
    "TrainConfiguration",
    "flag",
    "read_settings",
    "set_key",
]

COMMANDS: dict[str, type[Configuration]] = {
    model.command: model
    for model in (
        CompareConfiguration, TrainConfiguration, EvaluateConfiguration, ReplayConfiguration, SweepConfiguration,
        PlanConfiguration, SearchConfiguration,
    )
}  # fmt: skip

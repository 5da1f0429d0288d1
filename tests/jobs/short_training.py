"""Settings of a short training run."""

from spikedtp.configuration import TrainConfiguration

FAST = {"settle": 60.0, "read": 40.0, "device": "runtime", "samples": 4, "probe_every": 2, "seed": 3}


def settings(mode, **changes):
    return TrainConfiguration(**{"circuit": "digits_btsp", "mode": mode} | FAST | changes)

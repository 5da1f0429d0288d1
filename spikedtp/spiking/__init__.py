"""The spiking side: the only place that creates Brian2 objects."""

# from spikedtp.spiking.response import SpikingResponse
# from spikedtp.spiking.simulate import simulate

# __all__ = ["SpikingResponse", "simulate"]

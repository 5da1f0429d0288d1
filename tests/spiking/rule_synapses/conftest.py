"""Every test begins with Brian2's own time step, whatever a test before it has set."""

from spiking.synapses.own_cells import usual_time_step

__all__ = ["usual_time_step"]

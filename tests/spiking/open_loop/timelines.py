"""Presentations of several lengths and time steps."""

from brian2 import ms

from spikedtp.spiking.open_loop.timeline import Timeline

#: the published one; points that fall between time steps; a point for each time step; the shortest
TIMELINES = {
    "published": Timeline(),
    "fine": Timeline(dt=0.25 * ms),
    "short": Timeline(time_per_step=3 * ms, sensory_points=4, supervised_points=3),
    "whole": Timeline(time_per_step=1 * ms, sensory_points=6, supervised_points=9),
    "least": Timeline(time_per_step=1 * ms, sensory_points=1, supervised_points=1),
}

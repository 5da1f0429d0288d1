"""Diehl & Cook's network as a plain Brian2 script, with given input spikes: a second implementation for tests."""

import numpy as np
from brian2 import Clock, Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, ms, mV

EQUATIONS = """
    dv/dt = 0*volt/second : volt (unless refractory)
    dge/dt = -ge/(1*ms) : 1
    dgi/dt = -gi/(2*ms) : 1
    ge_before : 1
    gi_before : 1
    """
#: dv/dt = ((v_rest - v) - ge*v + gi*(v_inh - v))/tau, backwards in time from v, by the first terms of e^x.
STEP = """
    slope = (v_rest - v - ge_before*v + gi_before*(v_inh - v))/tau
    x = dt/tau*(1 + ge_before + gi_before)
    v += dt*slope*(1 + x/2)/(1 + x + x**2/2)
    """
ADAPTATION = "dtheta/dt = -theta/(1e7*ms) : volt\ndtimer/dt = 1 : second\n"


class StockNetwork:
    """Time goes on from image to image, as in Brian2's own example."""

    def __init__(self, settings, state):
        s = self.settings = settings
        clock = Clock(s.dt)
        n = s.n_cells
        self.inputs = SpikeGeneratorGroup(s.n_inputs, [], [] * ms, clock=clock)
        self.exc = NeuronGroup(
            n, EQUATIONS + ADAPTATION, threshold="v > theta - 72*mV and timer > wait",
            reset="v = -65*mV; theta += 0.05*mV; timer = 0*ms", refractory=5 * ms, method="euler", clock=clock,
            namespace={"v_rest": -65 * mV, "v_inh": -100 * mV, "tau": 100 * ms, "wait": s.timer - s.dt / 2},
        )  # fmt: skip
        self.inh = NeuronGroup(
            n, EQUATIONS, threshold="v > -40*mV", reset="v = -45*mV", refractory=2 * ms, method="euler", clock=clock,
            namespace={"v_rest": -60 * mV, "v_inh": -85 * mV, "tau": 10 * ms},
        )  # fmt: skip
        for group in (self.exc, self.inh):
            group.run_regularly("ge_before = ge; gi_before = gi", when="start", clock=clock)
            group.run_regularly(STEP, when="groups", order=1, clock=clock)
        self.exc.v, self.inh.v, self.exc.theta = -65 * mV, -60 * mV, 20 * mV
        forward = self.forward = Synapses(self.inputs, self.exc, clock=clock, **s.rule.arrival_code("ge"))
        forward.connect()
        forward.w, forward.pre.delay = state.weights.T.ravel(), state.delay_steps.T.ravel() * s.dt
        one_to_one = Synapses(self.exc, self.inh, on_pre="ge_post += 10.4", clock=clock)
        one_to_one.connect(j="i")
        others = Synapses(self.inh, self.exc, on_pre="gi_post += 17.0", clock=clock)
        others.connect("i != j")
        self.spikes = SpikeMonitor(self.exc)
        self.net = Network(self.inputs, self.exc, self.inh, forward, one_to_one, others, self.spikes)

    @property
    def weights(self):
        return np.array(self.forward.w[:]).reshape(self.settings.n_inputs, -1).T

    def one_try(self, raster):
        """Normalise, show the spikes `(steps, n_inputs)`, rest; the counts while the image was shown."""
        w = self.weights
        self.forward.w = (w * (self.settings.weight_sum / w.sum(axis=1, keepdims=True))).T.ravel()
        start, steps = round(self.net.t / self.settings.dt), self.settings.image_steps
        step, cell = np.nonzero(raster)
        self.inputs.set_spikes(cell, (start + step) * self.settings.dt)
        self.net.run(self.settings.image_time + self.settings.rest_time, namespace={})
        fired = np.round(self.spikes.t / self.settings.dt).astype(int)
        shown = (fired >= start) & (fired < start + steps)
        return np.bincount(np.array(self.spikes.i)[shown], minlength=self.settings.n_cells)


def drawn(generator, chance, steps):
    """Spikes `(steps, n)` of inputs that fire with these probabilities in each step, in the order of the network."""
    raster = np.zeros((steps, len(chance)), dtype=bool)
    for cell in np.flatnonzero(chance):
        step = 0
        while True:
            quiet = -np.log(1 - generator.random()) / -np.log1p(-chance[cell])
            if quiet >= steps - step:
                break
            step += int(quiet)
            raster[step, cell] = True
            step += 1
    return raster

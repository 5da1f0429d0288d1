"""Cells and inputs as declarations: parameters with units on one side, Brian2 equations on the other."""

from spikedtp.neurons.adaptive_lif import AdaptiveLIF
from spikedtp.neurons.adex import AdEx
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.neurons.burst_poisson import BurstPoisson
from spikedtp.neurons.contract import check_cell
from spikedtp.neurons.discrete_lif import DiscreteLIF, LeakyReadout
from spikedtp.neurons.in_circuit import BurstPoissonInCircuit, NaudInCircuit
from spikedtp.neurons.inputs import PoissonInput, SpikeTrainInput
from spikedtp.neurons.lif import LIF
from spikedtp.neurons.membrane import MembraneCell, MembraneUnit
from spikedtp.neurons.naud import NaudCell
from spikedtp.neurons.nmda_plateau import NMDAPlateau
from spikedtp.neurons.nudged import NudgedCell, Spiker, SteadyInput
from spikedtp.neurons.reach import firing_rates
from spikedtp.neurons.receptors import Receptors, receptor_variable
from spikedtp.neurons.registry import CELLS, register_cell
from spikedtp.neurons.step_lif import StepLI, StepLIF
from spikedtp.neurons.two_compartment import TwoCompartment
from spikedtp.neurons.two_compartment_lif import TwoCompartmentLIF
from spikedtp.neurons.two_compartment_plateau import TwoCompartmentPlateau

__all__ = [
    "CELLS",
    "LIF",
    "AdEx",
    "AdaptiveLIF",
    "BurstPoisson",
    "BurstPoissonInCircuit",
    "CellModel",
    "Declaration",
    "DiscreteLIF",
    "LeakyReadout",
    "MembraneCell",
    "MembraneUnit",
    "NMDAPlateau",
    "NaudCell",
    "NaudInCircuit",
    "NudgedCell",
    "PoissonInput",
    "Receptors",
    "SpikeTrainInput",
    "Spiker",
    "SteadyInput",
    "StepLI",
    "StepLIF",
    "TwoCompartment",
    "TwoCompartmentLIF",
    "TwoCompartmentPlateau",
    "check_cell",
    "firing_rates",
    "receptor_variable",
    "register_cell",
]

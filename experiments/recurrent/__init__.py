"""Recurrent circuits written as a user of Brian2 writes them, with learning synapses of `spikedtp.synapses`."""

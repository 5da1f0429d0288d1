"""The whole circuit spikes, answers and learns."""

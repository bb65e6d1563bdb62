"""The embedded Dark Machines sample: Pythia 8 events, a fast detector, the four channels."""

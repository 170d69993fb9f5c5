"""Probes: launches that brokers make by themselves, all the way a browser goes, to see that applications start."""

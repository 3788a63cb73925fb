"""The latency model of the target: samples of a network, their times, the fit, and what is kept of it."""

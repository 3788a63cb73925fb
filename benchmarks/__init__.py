"""Benchmarks: scripts, and the committed tables of their results."""

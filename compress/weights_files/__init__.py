"""Weights files as people have them: read as data, the network's tensors found in them, names and types made to fit."""

"""Which channels of a network go together, found by following labels through one forward pass."""

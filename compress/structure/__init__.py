"""Cut channels out of a network by a pruning plan, and check the smaller network."""

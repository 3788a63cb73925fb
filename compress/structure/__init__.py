"""A pruning plan makes a network physically smaller."""

"""Several reports side by side: the same protocol or none, every network in one table, the best trade-offs marked."""

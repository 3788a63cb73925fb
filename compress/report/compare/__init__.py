"""Several reports side by side: every network in one table, with the Pareto fronts."""

"""EDropout: the energy loss, the evolution of pruning states, the search. See README.md beside this file."""

"""Training of weights: loop, optimizers, evaluation. Knows nothing of pruning."""

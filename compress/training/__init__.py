"""Training of weights: loop, optimizers, evaluation. It does not depend on pruning."""

"""Find the channels that have to be pruned together, by following labels through one forward pass."""

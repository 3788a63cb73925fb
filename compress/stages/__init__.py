"""The stages of a run: each computes its value once, keeps it in the run folder, and reads it back."""

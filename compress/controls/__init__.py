"""The rivals of EDropout, on its terms: same units, same budget and alignment, same training. See README.md."""

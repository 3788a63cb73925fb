"""compress: prune an image classifier with EDropout, cut it down, export it, prove what was gained and lost."""

__version__ = "0.1.0"

"""Data sets by name and image folders -> ``DataBundle``."""

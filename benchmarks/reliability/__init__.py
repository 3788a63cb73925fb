"""Attacks on ``compress``: the campaign of ``make bench-reliability``."""

"""Plots as inline SVG for the HTML documents (only this package uses matplotlib)."""

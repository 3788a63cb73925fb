"""Plots as inline SVG for the HTML documents (only this room uses matplotlib)."""

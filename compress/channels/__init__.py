"""Prunable units: their masks, their cost, and the states that a budget allows."""

"""The races: scripts, and the tables of what they printed."""

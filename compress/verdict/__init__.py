"""``compress verify``: measures files against the original, of a run or from anywhere."""

"""``compress export``: more files of a run, or files of weights alone."""

"""``compress run``: its stages in order, and the dry run."""

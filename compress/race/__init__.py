"""``compress race``: methods, budgets and seeds compared under equal conditions; every cell is a run folder."""

"""The report of a race: one table, one picture."""

"""A run's report: one typed value, shown in a terminal, as Markdown and as JSON."""

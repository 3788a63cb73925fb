"""Reports of runs, comparisons and races: typed values, shown in a terminal, as Markdown, HTML and JSON."""

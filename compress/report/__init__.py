"""RunReport -> terminal, JSON, Markdown."""

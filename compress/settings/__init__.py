"""The settings of a run: declared, checked, read and written."""

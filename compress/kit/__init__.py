"""``compress kit``: a folder to copy to a device, where its program checks and times the files."""

"""Reports of devices, as ``measure.py`` of a kit writes them: read strictly, kept with a run, shown beside the host."""

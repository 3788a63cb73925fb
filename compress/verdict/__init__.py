"""The verdict: files measured against the original's file, of a run or from anywhere."""

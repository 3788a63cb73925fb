"""The verdict: accuracy and latency of the files, against the original."""

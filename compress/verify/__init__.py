"""The verdict in numbers: accuracy, drops, and the intervals they are known to."""

"""INT8 files: calibrated, their layers judged one by one, and what costs too much left in float32."""

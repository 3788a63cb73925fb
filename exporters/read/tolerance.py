"""How far the logits of one network may differ between programs or processors. Also part of the kit for a device."""

from __future__ import annotations

import numpy as np

_TOLERANCE, _LARGE_LOGIT = 1e-4, 10.0


def logit_tolerance(logits_NK: np.ndarray) -> float:
    """The largest difference that passes, for logits of this size.

    Float32 rounds in proportion: near 500, neighbouring numbers are 3e-5 apart. So above 10 the tolerance grows with
    the largest logit.
    """
    return _TOLERANCE * max(1.0, float(np.abs(logits_NK).max()) / _LARGE_LOGIT)

"""The expected calibration error: is a network as often right as its probabilities say?

Axes: N images.
"""

import numpy as np

BINS = 15


def calibration_error(confidence_N: np.ndarray, correct_N: np.ndarray) -> float:
    """Mean distance between probability and accuracy over bins of equal width.

    ``sum_b n_b / N |right_b - confidence_b|`` over 15 bins ``((b - 1) / 15, b / 15]`` (Guo et al., *On
    Calibration of Modern Neural Networks*, ICML 2017, eq. 3). 0 is perfect. Small samples look worse
    than they are: a perfect network has about 0.01 on 4,000 images, 0.04 on 400.

    Args:
        confidence_N: probability [N] of the answered class, 0..1.
        correct_N: whether that answer was right [N].

    Raises:
        ValueError: no images, lengths that differ, or a probability outside 0..1.
    """
    if not confidence_N.size or confidence_N.shape != correct_N.shape:
        raise ValueError(f"expected as many answers as probabilities, got {correct_N.shape} and {confidence_N.shape}")
    if not ((confidence_N >= 0) & (confidence_N <= 1)).all():
        raise ValueError("expected probabilities between 0 and 1, got others; try a softmax of the logits")
    bin_N = np.clip(np.ceil(confidence_N * BINS).astype(int) - 1, 0, BINS - 1)
    surplus_B = np.bincount(bin_N, weights=confidence_N - correct_N, minlength=BINS)
    return float(np.abs(surplus_B).sum() / len(confidence_N))

"""Intervals and a test: one network's accuracy, the drop between two on the same images, a mean over seeds."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit
from scipy.stats import binomtest


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


class PairedCounts(NamedTuple):
    """Images that both networks, only the first, only the second, and neither had right."""

    both: int
    only_a: int
    only_b: int
    neither: int


def wilson(hits: int, images: int) -> Interval:
    """Wilson's score interval for a proportion, without continuity correction, within [0, 1].

    ValueError for no images, or hits outside 0..images.
    """
    if images < 1 or not 0 <= hits <= images:
        raise ValueError(f"expected 0 <= hits <= images and at least 1 image, got {hits} of {images}")
    interval = binomtest(hits, images).proportion_ci(0.95, method="wilson")
    return Interval(float(interval.low) if hits else 0.0, float(interval.high) if hits < images else 1.0)


def mean_interval(values: Sequence[float]) -> Interval:
    """Student's interval for the mean of two or more independent values."""
    reach = float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / math.sqrt(len(values))
    return Interval(fmean(values) - reach, fmean(values) + reach)


def paired_counts(correct_a_N: np.ndarray, correct_b_N: np.ndarray) -> PairedCounts:
    """The 2 x 2 table of two boolean vectors over the same images; ValueError if their lengths differ."""
    if correct_a_N.shape != correct_b_N.shape:
        raise ValueError(f"expected the same images for both, got {correct_a_N.shape} and {correct_b_N.shape}")
    a, b = correct_a_N.astype(bool), correct_b_N.astype(bool)
    cells = (a & b, a & ~b, ~a & b, ~a & ~b)
    return PairedCounts(*(int(cell.sum()) for cell in cells))


def paired_drop(counts: PairedCounts) -> Interval:
    """Interval for ``p_a - p_b`` of two proportions measured on the same images.

    Newcombe, *Improved confidence intervals for the difference between binomial proportions based on
    paired data*, Statistics in Medicine 17 (1998), method 10: the Wilson intervals of both
    proportions, squared and added with the correlation ``phi`` of the table (continuity-corrected
    where positive). Unlike the interval from the normal approximation it keeps its coverage when
    the networks rarely disagree, and stays within [-1, 1]. ValueError if the table is empty.
    """
    both, only_a, only_b, _ = counts
    images = sum(counts)
    hits_a, hits_b = both + only_a, both + only_b
    rate_a, rate_b = hits_a / max(images, 1), hits_b / max(images, 1)
    (low_a, high_a), (low_b, high_b) = wilson(hits_a, images), wilson(hits_b, images)
    phi = _correlation(counts)
    down_a, up_a, down_b, up_b = rate_a - low_a, high_a - rate_a, rate_b - low_b, high_b - rate_b
    difference = (only_a - only_b) / images
    below = down_a**2 - 2 * phi * down_a * up_b + up_b**2
    above = down_b**2 - 2 * phi * down_b * up_a + up_a**2
    return Interval(difference - math.sqrt(max(below, 0.0)), difference + math.sqrt(max(above, 0.0)))


def mcnemar(counts: PairedCounts) -> float:
    """Two-sided p-value of McNemar's exact test: do the networks differ in how often they are right?

    Only images that one network alone has right count. If both networks were equally good, each of these images
    would be heads or tails: a binomial test with probability 1/2 (Fagerland, Lydersen and Laake, *The McNemar test
    for binary matched-pairs data*, BMC Medical Research Methodology 13:91, 2013). 1 where the networks are right on
    the same images.
    """
    discordant = counts.only_a + counts.only_b
    return float(binomtest(counts.only_a, discordant).pvalue) if discordant else 1.0


def _correlation(counts: PairedCounts) -> float:
    both, only_a, only_b, neither = counts
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if not margins:
        return 0.0
    covariance: float = both * neither - only_a * only_b
    if covariance > 0:
        covariance = max(covariance - sum(counts) / 2, 0)
    return covariance / math.sqrt(margins)

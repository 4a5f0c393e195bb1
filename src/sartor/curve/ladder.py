"""The training sizes of a learning curve: each a part of the next, the last all there is, or 5,000."""

from collections.abc import Sequence
from itertools import pairwise

from sartor.errors import InputError

MOST = 5_000
LEAST = 40
"""Training rows below which there is no curve to draw."""
POINTS = 3
"""Sizes that a law with three parameters needs at least."""
_LARGE = (500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000)
_SHARES = (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)


def ladder(rows: int, least: int = 1) -> list[int]:
    """The default sizes for so many training rows, none below `least`: a size holds every class.

    From 2,000 rows on 500, 1,000 and then steps of 500 to 1,000; of fewer rows an eighth, a quarter, a half, three quarters, all.
    Raises InputError for fewer rows than `LEAST`, and where fewer than `POINTS` sizes hold every class.
    """
    sizes = [size for size in _ladder(rows) if size >= least]
    if len(sizes) < POINTS:
        raise InputError(f"{rows:,} training rows are too few for a learning curve of {least:,} classes: label more")
    return sizes


def _ladder(rows: int) -> list[int]:
    if rows < LEAST:
        raise InputError(f"{rows:,} training rows are too few for a learning curve: label {LEAST} or more")
    if rows < 2_000:
        return [round(rows * share) for share in _SHARES]
    most = min(rows, MOST)
    below = [size for size in _LARGE if size < most]
    if most - below[-1] < 250:  # a step that no curve would show
        below.pop()
    return [*below, most]


def check_sizes(sizes: Sequence[int], rows: int) -> list[int]:
    """A user's sizes, ascending. Raises InputError for fewer than three, for one twice, and for more than `rows`."""
    ascending = sorted(sizes)
    if len(ascending) < POINTS:
        few = "one size" if len(ascending) == 1 else f"{len(ascending)} sizes"
        raise InputError(f"a law of {POINTS} parameters cannot be fitted to {few}: name {POINTS} or more")
    if twice := [size for size, other in pairwise(ascending) if size == other]:
        raise InputError(f"the size {twice[0]:,} is named twice: name each size once")
    if ascending[0] < 1:
        raise InputError(f"{ascending[0]:,} is no number of training rows: name sizes of 1 or more")
    if ascending[-1] > rows:
        raise InputError(f"there are {rows:,} training rows, and {ascending[-1]:,} are asked for: name no larger size")
    return ascending

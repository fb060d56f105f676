"""How long something takes."""

import time
from collections.abc import Callable
from statistics import median


def timed(does: Callable[[], object], repeat: int = 3) -> float:
    """Seconds, the median of some runs."""
    spent = []
    for _ in range(repeat):
        start = time.perf_counter()
        does()
        spent.append(time.perf_counter() - start)
    return median(spent)

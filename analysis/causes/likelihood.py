"""How well a hypothesis that names the votes that must fail fits those that did.

A hypothesis explains some votes; the noise is the same for every one of them. What it
explains fails, but for a *miss* (a way round that nobody knew, an order that somebody
did not obey); what it does not explain lives, but for a *leak* (a fault of its own).
Both rates are unknown, with Beta priors, and integrated out in closed form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betaln

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.causes.votes import Vote

    Numbers = NDArray[np.float64]

MISS: Final = (1.0, 9.0)
"""Beta prior of the miss: one vote in ten."""

LEAK: Final = (1.0, 19.0)
"""Beta prior of the leak: one vote in twenty."""


def masses(votes: Sequence[Vote]) -> Numbers:
    """Give a column of what failed and one of what lived."""
    return np.array([[vote.failed, vote.lived] for vote in votes], dtype=np.float64).reshape(len(votes), 2)


def log_likelihood(explained: Numbers, total: Numbers) -> Numbers:
    """Give the natural logarithm of the marginal likelihood, for each row of (failed, lived) among the explained."""
    failed, lived = explained[..., 0], explained[..., 1]
    # Sums and differences of shares may miss zero by a rounding.
    other_failed = np.maximum(total[0] - failed, 0.0)
    other_lived = np.maximum(total[1] - lived, 0.0)
    miss = betaln(MISS[0] + lived, MISS[1] + failed) - betaln(*MISS)
    leak = betaln(LEAK[0] + other_failed, LEAK[1] + other_lived) - betaln(*LEAK)
    return np.asarray(miss + leak, dtype=np.float64)

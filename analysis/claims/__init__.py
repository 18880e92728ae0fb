"""What somebody said was the cause, set against what was measured: supported, contradicted, or it cannot be said.

:mod:`analysis.claims.claim` reads the file, :mod:`analysis.claims.weigh` sets it against the conclusions.
It draws none of its own, and both sides are weighed alike.
"""

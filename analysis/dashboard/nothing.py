"""What a page raises where the database has nothing of that name."""

from __future__ import annotations


class NothingHereError(LookupError):
    """One sentence on what is not there, for whoever followed a link."""

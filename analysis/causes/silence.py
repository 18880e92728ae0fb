"""Vantages of which nothing was heard at all. Silence shows that something is common to them, and never what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.ledger import Entry

if TYPE_CHECKING:
    from analysis.causes.happening import Happening, Known


def entries(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give an entry for each silence and collapse that the scope is a part of; it weighs nothing for or against."""
    del known
    told = dict.fromkeys(o.silence.text for o in happening.outages if o.silence is not None)
    return tuple(Entry("B", "silence.together", 0.0, (), text) for text in told)

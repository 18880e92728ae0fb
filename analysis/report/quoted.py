"""Sentences that the analysis wrote in English, given in the language of a report where the catalogue has them.

What would change a conclusion is one of a few fixed sentences with names in it: each is known by its English
form. A sentence of a ledger carries figures of its own and is quoted as it is stored; the kind of entry, which
says what sort of evidence it is, has a name in every language.
"""

from __future__ import annotations

import re
from functools import cache
from string import Formatter
from typing import TYPE_CHECKING

from analysis.report import bounds
from analysis.report.catalogue import load
from analysis.report.inert import visible
from analysis.report.wording import short

if TYPE_CHECKING:
    from analysis.report.catalogue import Catalogue


def change_in_words(text: str, words: Catalogue) -> tuple[str, bool]:
    """Give a stored sentence in the language of the report, and whether that could be done."""
    for position, pattern in enumerate(_patterns()):
        match = pattern.fullmatch(text)
        if match is not None:
            return words.text(
                f"wanted.{position}", **{name: short(named) for name, named in match.groupdict().items()}
            ), True
    return visible(text, bounds.LONG_TEXT_CHARS), words.language == "en"


def kind_in_words(kind: str, words: Catalogue) -> str:
    """Give the name of a kind of entry, by its longest known beginning; empty where none is known."""
    parts = kind.split(".")
    for length in range(len(parts), 0, -1):
        key = "kind." + ".".join(parts[:length])
        if words.has(key):
            return words.text(key)
    return ""


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(
            "".join(
                re.escape(fixed) + (f"(?P<{name}>.+)" if name else "") for fixed, name, _, _ in Formatter().parse(text)
            )
        )
        for text in load("en").texts("wanted")
    )

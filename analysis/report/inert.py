"""Text that came from the network, made harmless before it stands on a page or in a table.

Markup is escaped by the template engine. What escaping leaves alive is handled here: control characters and
terminal escapes, marks that turn the direction of writing, invisible characters, towers of combining marks,
and sheer length. Nothing is silently dropped: what cannot be shown is spelt out.
"""

from __future__ import annotations

import unicodedata

_SPELT_OUT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_COMBINING = frozenset({"Mn", "Me"})
_COMBINING_IN_A_ROW = 3  # written languages need two; three leaves a margin
_FORMULA_STARTS = ("=", "+", "-", "@")


def visible(text: str, limit_chars: int) -> str:
    """Give ``text`` on one line with nothing hidden in it, cut after ``limit_chars`` of its characters.

    Characters that are invisible or that steer the display appear as ``<U+202E>``; a cut is marked with the
    number of characters left out.
    """
    shown: list[str] = []
    in_a_row = 0
    for character in text[:limit_chars]:
        category = unicodedata.category(character)
        in_a_row = in_a_row + 1 if category in _COMBINING else 0
        is_odd_space = category == "Zs" and character != " "
        if category in _SPELT_OUT or is_odd_space or in_a_row > _COMBINING_IN_A_ROW:
            shown.append(f"<U+{ord(character):04X}>")
        else:
            shown.append(character)
    left_out = len(text) - limit_chars
    if left_out > 0:
        shown.append(f"… (+{left_out})")
    return "".join(shown)


def csv_cell(text: str, limit_chars: int) -> str:
    """Give ``text`` as one quoted CSV cell (RFC 4180) that no spreadsheet reads as a formula."""
    shown = visible(text, limit_chars)
    if shown.lstrip().startswith(_FORMULA_STARTS):
        shown = "'" + shown
    return '"' + shown.replace('"', '""') + '"'

"""The report as a PDF for the archive: PDF/UA-1 and PDF/A-2a, tagged, with its fonts inside.

Typst sets it, with the fonts that its own package brings: no font of the machine is asked, so that the same
database gives the same bytes anywhere, and Kazakh letters are there on a new machine. All text reaches the
template as JSON strings, which Typst never reads as markup. A letter that the fonts lack is spelt out.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.report.appearance import LOOK, PATTERNS
from analysis.report.blocks import blocks_of
from probe.errors import UserError

if TYPE_CHECKING:
    from analysis.report.catalogue import Catalogue

_TEMPLATE = Path(__file__).parent / "report.typ"
_RANGES = (
    (0x20, 0x7E),
    (0xA0, 0xAC),
    (0xAE, 0x17F),
    (0x391, 0x3A1),
    (0x3A3, 0x3CE),
    (0x400, 0x45F),
    (0x490, 0x4C4),
    (0x4D0, 0x4F9),
)
_SIGNS = (
    "\u2010\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026\u2022\u2192\u2212\u221a\u2116"
    "\u2070\u2074\u2075\u2076\u2077\u2078\u2079\n"
)
"""Dashes, quotation marks, an arrow, a minus, superscript figures; all others that a report needs are in a range."""

PRINTABLE = frozenset(chr(code) for first, last in _RANGES for code in range(first, last + 1)) | frozenset(_SIGNS)
"""Characters that the fonts inside the file have; a test sets them all."""

_LONG_WORD = re.compile(r"\S{22,}")
_BREAK = "\u200b"


def render_pdf(context: dict[str, Any]) -> bytes:
    """Set a report from what its page is made of. ``UserError`` where the typesetter is not installed."""
    try:
        import typst
    except ImportError as error:
        raise UserError(
            "A PDF needs the package typst, which is not installed: install it with "
            "pip install 'nameblind[report]', or ask for the page alone with --format html."
        ) from error
    words: Catalogue = context["words"]
    arrived = context["grid"].versions.last_arrival or datetime(1970, 1, 1, tzinfo=UTC)
    content = {
        "language": words.language,
        "title": f"{words.text('page.title')}: {context['subject'] or words.text('summary.not_enough')}",
        "date": [arrived.year, arrived.month, arrived.day],
        "footer": f"{words.text('page.fact_hash')} {context['grid'].versions.facts_sha256[:16]}",
        "looks": _looks(),
        "blocks": blocks_of(context),
    }
    return typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        sys_inputs={"data": json.dumps(_clean(content), ensure_ascii=False)},
        pdf_standards=["ua-1", "a-2a"],
        ignore_system_fonts=True,
    )


def printable(text: str) -> str:
    """Give ``text`` with every letter that the fonts lack spelt out, and long words free to break."""
    shown = "".join(
        character if character in PRINTABLE else f"<U+{ord(character):04X}>"
        for character in unicodedata.normalize("NFC", text)
    )
    return _LONG_WORD.sub(lambda match: _BREAK.join(match[0]), shown)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, (list, tuple)) else value


@cache
def _looks() -> dict[str, dict[str, Any]]:
    return {
        name: {
            "letter": look.letter,
            "fill": look.fill,
            "ink": look.ink,
            "pattern": _lines(PATTERNS[look.pattern]) if look.pattern else [],
        }
        for name, look in LOOK.items()
    }


def _lines(path: str) -> list[list[float]]:
    """Give the straight lines of one tile's path, which has but the orders M, l, h, v and z."""
    found: list[list[float]] = []
    x = y = start_x = start_y = 0.0
    for order, arguments in re.findall(r"([Mlhvz])([^Mlhvz]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", arguments)]
        if order == "M":
            x, y = start_x, start_y = numbers[0], numbers[1]
            continue
        before = (x, y)
        if order == "z":
            x, y = start_x, start_y
        x += numbers[0] if order in "lh" else 0.0
        y += numbers[-1] if order in "lv" else 0.0
        found.append([*before, x, y])
    return found

"""The words of a report, one file a language, and the few rules of grammar that counting needs.

A text is found by its dotted key. A key that is missing is an error at once, never an empty place on the
page. A number chooses among a text's plural forms (categories of Unicode CLDR).
"""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

_FOLDER = Path(__file__).parent / "texts"
_SENTENCES = Path(__file__).parent / "sentences"


def _one_or_other(number: int) -> str:
    return "one" if number == 1 else "other"


def _russian(number: int) -> str:
    if number % 10 == 1 and number % 100 != 11:
        return "one"
    if number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14}:
        return "few"
    return "many"


REVIEWED = frozenset({"en"})
"""Languages whose wording a native speaker has read; the others say on the page that nobody has."""

_PLURAL_CATEGORY: dict[str, Callable[[int], str]] = {
    "en": _one_or_other,
    "kk": _one_or_other,
    "ru": _russian,
}


class Catalogue:
    """The texts of one language."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts
        self._months = texts["time.months"].split()

    def text(self, key: str, **values: object) -> str:
        """Give the text under ``key`` with ``values`` in its places; ``KeyError`` where there is none."""
        return self._texts[key].format(**values)

    def under(self, prefix: str) -> list[tuple[str, str]]:
        """Give every key beneath ``prefix`` with its text as it is written, places and all."""
        return [(key, text) for key, text in self._texts.items() if key.startswith(f"{prefix}.")]

    def has(self, key: str) -> bool:
        """Whether there is a text under ``key``."""
        return key in self._texts

    def country(self, code: str) -> str:
        """Give a country's name; its code where the catalogue has none."""
        return self._texts.get(f"country.{code}", code)

    def count(self, key: str, number: int, **values: object) -> str:
        """Give the form of the text under ``key`` that goes with ``number``, which stands in ``{number}``."""
        category = _PLURAL_CATEGORY[self.language](number)
        return self.text(f"{key}.{category}", number=self.number(number), **values)

    def number(self, number: int) -> str:
        """Give a whole number with its thousands set apart."""
        return f"{number:,}".replace(",", self._texts["number.thousands"])

    def names(self, names: list[str], limit: int, separator: str = ", ") -> str:
        """Give a list of at most ``limit`` names, and how many more there are."""
        shown = separator.join(names[:limit])
        more = len(names) - limit
        return self.text("list.more", names=shown, more=self.number(more)) if more > 0 else shown

    def day(self, at: datetime) -> str:
        """Give day and month, in the zone of ``at``."""
        return self.text("time.day", day=at.day, month=self._months[at.month - 1])

    def moment(self, at: datetime) -> str:
        """Give date and time of an instant, in UTC, without the zone's name."""
        return self._moment(at.astimezone(UTC))

    def local_span(self, first: datetime | None, last: datetime, zone: ZoneInfo) -> str:
        """Give an interval by the clock of ``zone``, with its offset on that date."""
        end = last.astimezone(zone)
        parts = [self._moment(end)]
        if first is not None:
            start = first.astimezone(zone)
            if start.date() == end.date():
                parts = [f"{end:%H:%M}"]
            parts.insert(0, self._moment(start))
        return self.text("time.local_span", span=" \N{EN DASH} ".join(parts), offset=self.offset(end))

    def offset(self, at: datetime) -> str:
        """Give the offset of an aware time from UTC, as ``UTC+5`` or ``UTC+5:30``."""
        seconds = int((at.utcoffset() or UTC.utcoffset(None)).total_seconds())
        hours, minutes = divmod(abs(seconds) // 60, 60)
        sign = "-" if seconds < 0 else "+"
        return f"UTC{sign}{hours}" + (f":{minutes:02d}" if minutes else "")

    def _moment(self, at: datetime) -> str:
        clock = f"{at:%H:%M}" + (f":{at:%S}" if at.second else "")
        return self.text("time.moment", day=at.day, month=self._months[at.month - 1], year=at.year, clock=clock)


def languages() -> list[str]:
    """Give the languages that have a catalogue."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load(language: str) -> Catalogue:
    """Read one language's catalogue; ``UserError`` names those that are there."""
    known = languages()
    if language not in known:
        raise UserError(f"There is no report in the language {language!r}; choose one of: {', '.join(known)}.")
    content = yaml.safe_load((_FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    said = yaml.safe_load((_SENTENCES / f"{language}.yaml").read_text(encoding="utf-8"))
    return Catalogue(language, dict(_flat({**content, "said": said})))


def _flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, dict):
            flat += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            flat += _flat({str(position): item for position, item in enumerate(value)}, f"{prefix}{key}.")
        else:
            flat.append((f"{prefix}{key}", re.sub(r"[ \n]+", " ", str(value)).strip(" \n")))  # a no-break space stays
    return flat

"""Sentences that the analysis wrote in English, given in the language of a report.

The analysis stores what it says as English text, and never reads it again. Here a stored sentence is known by its
form (``sentences/en.yaml``), and said by the form that has the same key in the report's language. What no form knows
is quoted as it stands, and marked as English: a sentence is never half translated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from string import Formatter
from typing import TYPE_CHECKING, Final

from analysis.report import bounds
from analysis.report.catalogue import load
from analysis.report.inert import visible
from analysis.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.report.catalogue import Catalogue

_MOST_CHARS: Final = 4 * bounds.LONG_TEXT_CHARS
"""Of a longer text no form is looked for: a report's time is bounded, whatever a database says."""

_SHAPES: Final = {
    "int": r"\d+",
    "time": r"\d\S*",
    "said": ".+?",
    "any": ".+?",
    "one": "[^,]+?",
    "items": r"(?:(?!\. ).)+?",
}
_WITHIN_A_CLAUSE: Final = r"(?:(?!\. |; ).)+?"
_BREAKS: Final = ((". ", 1), ("; ", 0))
"""Where sentences and clauses meet, and how much of the mark belongs to the first of them."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A stored sentence as a report shows it."""

    text: str
    is_said: bool
    """Whether it is in the report's language."""


@dataclass(frozen=True, slots=True)
class _Form:
    key: str
    pattern: re.Pattern[str]
    kinds: Mapping[str, str]
    """What stands in each place, by its name."""


def in_words(text: str, words: Catalogue) -> Quoted:
    """Give a stored sentence in the language of the report, and whether that could be done."""
    is_english = words.language == "en"
    said = _said(text, words.language) if 0 < len(text) <= _MOST_CHARS and not is_english else None
    if said is None:
        return Quoted(visible(text, bounds.LONG_TEXT_CHARS), is_said=is_english)
    return Quoted(visible(said, _MOST_CHARS), is_said=True)


def kind_in_words(kind: str, words: Catalogue) -> str:
    """Give the name of a kind of entry, by its longest known beginning; empty where none is known."""
    parts = kind.split(".")
    for length in range(len(parts), 0, -1):
        key = "kind." + ".".join(parts[:length])
        if words.has(key):
            return words.text(key)
    return ""


@lru_cache(maxsize=4096)
def _said(text: str, language: str) -> str | None:
    """Say a text that is one known form, with or without its full stop, or several of them in a row."""
    whole = _whole(text, language)
    if whole is not None:
        return whole
    for mark, kept in _BREAKS:
        at = text.find(mark)
        while at >= 0:
            first = _whole(text[: at + kept], language)
            if first is not None:
                rest = _said(text[at + len(mark) :], language)
                return None if rest is None else first + mark[kept:] + rest
            at = text.find(mark, at + 1)
    return None


def _whole(text: str, language: str) -> str | None:
    if (said := _formed(text, language)) is not None:
        return said
    if text.endswith("."):
        said = _formed(text[:-1], language)
        return None if said is None else f"{said}."
    said = _formed(f"{text}.", language)
    return None if said is None else said.removesuffix(".")


def _formed(text: str, language: str) -> str | None:
    words = _words(language)
    for form in _forms():
        match = form.pattern.fullmatch(text)
        if match is None:
            continue
        values = {name: _place(form.kinds[name], found, words) for name, found in match.groupdict().items()}
        if None not in values.values():
            return words.text(form.key, **values)
    return None


def _place(kind: str, found: str, words: Catalogue) -> str | None:
    """Give what stands in one place of a form; ``None`` where it must be known and is not."""
    if kind == "said":
        return _said(found, words.language)
    if kind == "name":
        return _said(found, words.language) or short(found)
    if kind == "items":
        return _items(found, words.language)
    if kind == "cause":
        key = f"cause.{found}.title"
        return words.text(key).lower() if words.has(key) else None
    if kind == "counts":
        counted = [item.rpartition(" ") for item in found.split(", ")]
        return ", ".join(
            f"{words.text(f'state.{state}.word') if words.has(f'state.{state}.word') else short(state)} {number}"
            for state, _, number in counted
        )
    return visible(found, bounds.LONG_TEXT_CHARS)


def _items(found: str, language: str) -> str:
    """Say each of several things that a sentence lists; a thing's own name may have a comma in it."""
    for mark in ("; ", ", "):
        said = [_whole(item, language) for item in found.split(mark)]
        if None not in said:
            return mark.join(str(one) for one in said)
    mark = "; " if "; " in found else ", "
    return _whole(found, language) or mark.join(_whole(item, language) or short(item) for item in found.split(mark))


@cache
def _words(language: str) -> Catalogue:
    return load(language)


@cache
def _forms() -> tuple[_Form, ...]:
    """Give the forms, those with most text of their own first: of two that fit, the one that says more is meant."""
    found = []
    for key, text in load("en").under("said"):
        parts = list(Formatter().parse(text))
        pattern = "".join(
            re.escape(fixed) + (f"(?P<{name}>{_SHAPES.get(kind or '', _WITHIN_A_CLAUSE)})" if name else "")
            for fixed, name, kind, _ in parts
        )
        kinds = {name: kind or "" for _, name, kind, _ in parts if name}
        found.append((-sum(len(fixed) for fixed, *_ in parts), _Form(key, re.compile(pattern), kinds)))
    return tuple(form for _, form in sorted(found, key=lambda one: (one[0], one[1].key)))

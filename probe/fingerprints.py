"""Fingerprints of known block pages, read from files that the user has.

Two published formats are read, both CSV with a head line: OONI's (``name, scope,
…, location_found, pattern_type, pattern, confidence_no_fp, expected_countries``)
and Citizen Lab's (the same without ``pattern_type``, where every pattern is a
piece of the text). None of them is shipped.

A pattern meets hostile text, and a list may hold a pattern that is slow on it. So
no regular expression is run as it stands: it is taken apart at its gaps
(``.*``), and only pieces without repetition of their own are searched for, one
after the other. What cannot be taken apart so is left out, and counted.

That a pattern was found is a fact; what follows from it is for the analysis.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from probe.scrub import scrub
from probe.steps.http_body import charset_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probe.model import Observation

MAX_FILE_BYTES: Final = 4_000_000
"""OONI's list has 260,000."""
MAX_ROWS: Final = 5_000
_PATTERN_CHARS: Final = 4_000
_FEWEST_CHARS: Final = 6
"""A shorter pattern is found anywhere."""
_READ_CHARS: Final = 262_144
_READ_BY_REGEXP_CHARS: Final = 32_768
_GAP: Final = re.compile(r"\.[*+]\??")
_SIMPLE: Final = re.compile(r"(?:\\[.^$*+?{}\[\]|()/\\\-\"' &:;=<>#!%@,]|\\s[*+]?|[^\\.^$*+?{}\[\]|()]|\.(?![*+?]))*")
_SPACES: Final = re.compile(r"\\s[*+]")
_COUNTRY: Final = re.compile(r"\b[A-Za-z]{2}\b")
_NAME: Final = re.compile(r"[\w.@+-]{1,100}")
_SCOPES: Final = frozenset({"nat", "isp", "prod", "inst", "vbw", "fp", "injb"})
_FALSE_POSITIVE: Final = "fp"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One pattern, and what its list says of it."""

    name: str
    location: str
    """``body``, ``header`` (any), or ``header.`` and a name."""
    kind: str
    """``full``, ``prefix``, ``contains`` or ``regexp``."""
    pattern: str
    pieces: tuple[re.Pattern[str], ...] = ()
    """Of a regular expression: what must follow one after the other."""
    scope: str = ""
    confidence: int = 0
    countries: tuple[str, ...] = ()

    def label(self) -> str:
        """Give what is stored: the name, and what the list says of it, in a form that can be taken apart."""
        return ";".join((self.name, self.scope, f"{self.confidence}", ",".join(self.countries)))

    def is_in(self, text: str) -> bool:
        """Tell whether the text has the pattern."""
        match self.kind:
            case "full":
                return text == self.pattern
            case "prefix":
                return text.startswith(self.pattern)
            case "contains":
                return self.pattern in text
        place = 0
        for piece in self.pieces:
            found = piece.search(text, place, _READ_BY_REGEXP_CHARS)
            if found is None:
                return False
            place = found.end()
        return True


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """All that were read."""

    known: tuple[Fingerprint, ...] = ()
    left_out: int = 0
    """Rows that could not be used."""

    def marked(self, seen: Observation) -> Observation:
        """Give the observation with the fingerprint that it matches, if any: the most certain one.

        A pattern that is known to be found on innocent pages voids all others.
        """
        if not self.known or seen.status is None:
            return seen
        headers = dict(seen.headers) | ({"location": seen.location} if seen.location else {})
        body = seen.body.decode(charset_of(seen.body, headers.get("content-type", "")), "replace")[:_READ_CHARS]
        met = [known for known in self.known if any(map(known.is_in, _texts(known.location, headers, body)))]
        if not met or any(known.scope == _FALSE_POSITIVE for known in met):
            return seen
        return replace(seen, fingerprint=max(met, key=lambda known: (known.confidence, known.name)).label())


NO_FINGERPRINTS: Final = Fingerprints()


def read(data: bytes) -> Fingerprints:
    """Read a list. ``ValueError`` where it is none."""
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True)
    if not {"name", "pattern", "location_found"} <= set(rows.fieldnames or ()):
        raise ValueError("no head line with name, pattern and location_found")
    known: list[Fingerprint] = []
    left_out = 0
    try:
        for number, row in enumerate(rows):
            if number == MAX_ROWS:
                raise ValueError(f"more than {MAX_ROWS} rows")
            made = _fingerprint(row)
            left_out += made is None
            known += [] if made is None else [made]
    except csv.Error as error:
        raise ValueError(str(error)) from None
    return Fingerprints(tuple(known), left_out)


def joined(several: Iterable[Fingerprints]) -> Fingerprints:
    """Put lists together."""
    lists = list(several)
    return Fingerprints(tuple(one for each in lists for one in each.known), sum(each.left_out for each in lists))


def kept_body(seen: Observation) -> bytes:
    """Give the body of a known block page as it may be kept: such pages often say to whom they are shown."""
    content_type = dict(seen.headers).get("content-type", "")
    return scrub(seen.body.decode(charset_of(seen.body, content_type), "replace")).encode("utf-8", "replace")


def _fingerprint(row: dict[str, str | None]) -> Fingerprint | None:
    """Read one row; ``None`` where it cannot be used."""
    pattern, name = row.get("pattern") or "", row.get("name") or ""
    kind = (row.get("pattern_type") or "contains").strip()
    location = (row.get("location_found") or "").strip().lower()
    if not _NAME.fullmatch(name) or not _FEWEST_CHARS <= len(pattern) <= _PATTERN_CHARS:
        return None
    if kind not in {"full", "prefix", "contains", "regexp"} or not re.fullmatch(
        r"body|header(\.[a-z0-9-]+)?", location
    ):
        return None
    pieces = _pieces(pattern) if kind == "regexp" else ()
    if kind == "regexp" and not pieces:
        return None
    scope, confidence = (row.get("scope") or "").strip(), (row.get("confidence_no_fp") or "").strip()
    return Fingerprint(
        name=name,
        location=location,
        kind=kind,
        pattern=pattern,
        pieces=pieces,
        scope=scope if scope in _SCOPES else "",
        confidence=int(confidence) if re.fullmatch(r"[0-9]|10", confidence) else 0,
        countries=tuple(sorted({code.upper() for code in _COUNTRY.findall(row.get("expected_countries") or "")})),
    )


def _pieces(pattern: str) -> tuple[re.Pattern[str], ...]:
    """Take a regular expression apart at its gaps; nothing where a piece repeats, chooses or refers to anything."""
    pieces = [piece for piece in _GAP.split(pattern) if piece]
    if not pieces or not all(_SIMPLE.fullmatch(piece) for piece in pieces):
        return ()
    return tuple(re.compile(_SPACES.sub(_few_spaces, piece), re.DOTALL) for piece in pieces)


def _few_spaces(found: re.Match[str]) -> str:
    """Bound a run of spaces, and never give back what it took: so many in a row cost no more than one."""
    return rf"\s{{{int(found[0].endswith('+'))},8}}+"


def _texts(location: str, headers: dict[str, str], body: str) -> list[str]:
    if location == "body":
        return [body]
    if location == "header":
        return list(headers.values())
    value = headers.get(location.removeprefix("header."))
    return [] if value is None else [value]

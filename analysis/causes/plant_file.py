"""Reads a plant from YAML. ``docs/shared-risk.md`` describes every key.

Every statement has its ``source``, or says under ``assumed`` why it is assumed. What is
assumed may only add what is shared: a second way that nobody documented, and an
independence that nobody documented, are refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from analysis.causes.plant import Element, Independence, Kind, Line, Plant, Selector
from probe.schedule.yaml_reader import (
    ListOf,
    MapOf,
    Placed,
    Record,
    UnfitError,
    optional,
    parse,
    read_bytes,
    required,
    shown,
)
from probe.schedule.yaml_scalars import matching, one_of, scalar, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from analysis.causes.plant import Need
    from probe.schedule.yaml_reader import Place

Way: TypeAlias = "tuple[tuple[Place, str], ...]"
"""The names of one way's elements, each with its place in the file."""

WrittenNeed: TypeAlias = tuple[Way, ...]

IN_FILES: Final = tuple(kind for kind in Kind if kind not in {Kind.PLACE, Kind.UNKNOWN, Kind.FAR})
NAME: Final = matching(
    r"[A-Za-z0-9][A-Za-z0-9._/ -]{0,79}", "a name of letters, digits, spaces and . _ / - (at most 80)"
)
SOURCE: Final = text(300, "where it is documented")
MOST_WAYS: Final = 8


def _kind(written: str) -> Kind:
    return dict(zip(map(str, IN_FILES), IN_FILES, strict=True)).get(written) or Kind("")


KIND: Final = scalar(_kind, f"one of {', '.join(IN_FILES)}")

_GIVEN: Final = {"source": optional(SOURCE), "assumed": optional(text(300, "why it is assumed"))}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Element:
    kind: Kind
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    who: Selector
    needs: tuple[WrittenNeed, ...]
    home: tuple[WrittenNeed, ...]
    abroad: tuple[WrittenNeed, ...]
    source: str | None


def _checked(source: str | None, assumed: str | None) -> None:
    if (source is None) == (assumed is None):
        raise UnfitError(
            "source", "where it is documented, or else, under `assumed`, why it is assumed (one of the two)"
        )


def _element(*, kind: Kind, source: str | None = None, assumed: str | None = None) -> _Element:
    _checked(source, assumed)
    return _Element(kind=kind, source=source)


def _selector(**named: str) -> Selector:
    if not named:
        raise UnfitError("network", "whom it is about: vantage, country, network, region or bearer")
    return Selector(**named)


def _line(
    *,
    needs: tuple[WrittenNeed, ...] = (),
    home: tuple[WrittenNeed, ...] = (),
    abroad: tuple[WrittenNeed, ...] = (),
    source: str | None = None,
    assumed: str | None = None,
    **named: str,
) -> _Line:
    _checked(source, assumed)
    if not (needs or home or abroad):
        raise UnfitError("needs", "what it hangs on: needs, home or abroad")
    for key, given in (("needs", needs), ("home", home), ("abroad", abroad)):
        if assumed is not None and any(len(need) > 1 for need in given):
            raise UnfitError(key, "a source where there is more than one way: a second way is never assumed")
    return _Line(who=_selector(**named), needs=needs, home=home, abroad=abroad, source=source)


def _way(place: Place) -> Way:
    """Parse one way of several: an element's name, or a list of names, all of which it takes."""
    if place.scalar is not None:
        return (_NAMED(place),)
    return ListOf(_NAMED, at_least=1)(place)


_NAMED: Final = Placed(NAME)
_ANY: Final = Record(lambda **written: written["any"], {"any": required(ListOf(_way, at_least=2, at_most=MOST_WAYS))})


def _need(place: Place) -> WrittenNeed:
    """Parse an element's name, or ``any`` with several ways, one of which is enough."""
    if place.scalar is not None:
        return ((_NAMED(place),),)
    written: WrittenNeed = _ANY(place)
    return written


_WHO: Final[Mapping[str, Any]] = {
    "vantage": optional(NAME),
    "country": optional(matching(r"[A-Z]{2}", "a country as two capital letters")),
    "network": optional(matching(r"AS[1-9][0-9]{0,9}", "an autonomous system such as AS9198")),
    "region": optional(text(64)),
    "bearer": optional(one_of("fixed", "mobile", "satellite", "unknown")),
}
_NEEDS: Final = ListOf(_need, at_least=1)


def _plant(
    *,
    summary: str,
    elements: dict[str, _Element],
    lines: tuple[_Line, ...],
    independent: tuple[Independence, ...] = (),
    complete: str | None = None,
) -> Plant:
    del summary  # for people
    known = {name: Element(name, e.kind, e.source) for name, e in elements.items()}

    def resolved(needs: tuple[WrittenNeed, ...]) -> tuple[Need, ...]:
        return tuple(tuple(frozenset(one(*named) for named in way) for way in need) for need in needs)

    def one(place: Place, name: str) -> Element:
        if name not in known:
            raise place.expected("an element of this file", shown(name))
        return known[name]

    return Plant(
        lines=tuple(
            Line(
                who=line.who,
                needs=resolved(line.needs),
                home=resolved(line.home),
                abroad=resolved(line.abroad),
                source=line.source,
            )
            for line in lines
        ),
        independent=independent,
        complete=complete,
        elements=known,
    )


PLANT: Final = Record(
    _plant,
    {
        "summary": required(text(300)),
        "elements": required(
            MapOf(
                NAME,
                Record(_element, {"kind": required(KIND), **_GIVEN}),
                at_most=5000,
            )
        ),
        "lines": required(
            ListOf(
                Record(
                    _line,
                    {
                        **_WHO,
                        "needs": optional(_NEEDS),
                        "home": optional(_NEEDS),
                        "abroad": optional(_NEEDS),
                        **_GIVEN,
                    },
                ),
                at_most=5000,
            )
        ),
        "independent": optional(
            ListOf(
                Record(
                    Independence,
                    {"of": required(ListOf(Record(_selector, _WHO), at_least=2)), "source": required(SOURCE)},
                )
            )
        ),
        "complete": optional(SOURCE),
    },
)

MAX_BYTES: Final = 2_000_000
"""Of a plant: some thousand lines."""


def load(path: str | Path) -> tuple[Plant, bytes]:
    """Read a plant from a file, with the bytes that it was read from. Raises UserError."""
    content = read_bytes(path, MAX_BYTES)
    return plant_of(content, str(path)), content


def plant_of(content: bytes, called: str) -> Plant:
    """Read a plant from the bytes of a file; ``called`` is how messages name it. Raises UserError."""
    return replace(parse(content, called, PLANT), sha256=hashlib.sha256(content).hexdigest())

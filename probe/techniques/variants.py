"""The ClientHellos of the technique ``shape``: what each changes of the target's own. Names are contracts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from probe import randomness
from probe.steps import client_hello

if TYPE_CHECKING:
    from collections.abc import Callable

_SHORT = "weather.com"
_LONG = "weather-of-the-mountains-and-of-the-valleys.in-this-week-and-next.weather.com"
_LABEL = "portal"
_ENDING = "weather.com"


@dataclass(frozen=True, slots=True)
class Variant:
    """One ClientHello."""

    name: str
    server_name: str | None
    first_flight: Callable[[bytes], tuple[bytes, ...]] | None = None


def of_length(seed: bytes, number: int) -> list[Variant]:
    """Give the standing check: two innocuous names that differ in length."""
    return [
        Variant("short", randomness.scramble(seed, number, _SHORT)),
        Variant("long", randomness.scramble(seed, number, _LONG)),
    ]


def of_name(name: str, seed: bytes, number: int) -> list[Variant]:
    """Give all that is changed of a name, new scrambles for each ``number``; the first two are the name and none of it.

    A rule on a name may mean the name alone, all names that end in it after a dot, or all that have it in them; it
    may be deaf to case, and miss a name that is cut in two.
    """
    other = randomness.scramble(seed, number, name)
    label = randomness.scramble(seed, number, _LABEL)
    ending = randomness.scramble(seed, number, _ENDING)
    bare = name.removeprefix("www.")
    parent = bare.partition(".")[2]
    made = [
        Variant("target", name),
        Variant("scramble", other),
        Variant("no-sni", None),
        Variant("case", "".join(c.upper() if i % 2 else c.lower() for i, c in enumerate(name))),
        Variant("split", name, partial(client_hello.in_two_segments, name=name)),
        Variant("records", name, partial(client_hello.in_two_records, name=name)),
        Variant("www", f"www.{name}" if bare == name else bare),
        Variant("under", f"{label}.{name}"),
        Variant("glued", f"{label}{name}"),
        Variant("appended", f"{name}.{ending}"),
        Variant("ech", other, client_hello.with_grease_ech),
    ]
    return [*made, Variant("parent", parent)] if "." in parent else made

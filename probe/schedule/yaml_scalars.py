"""The parsers of single values in a YAML file: text, numbers, durations, choices.

Each is made with its bounds, and names them when it refuses. What a kind of
file needs beyond these is one line: ``scalar(convert, "what was expected")``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.schedule.yaml_reader import Parser, Place

T = TypeVar("T")


def scalar(convert: Callable[[str], T], what: str) -> Parser[T]:
    """Make a parser of one scalar from ``convert``, which raises ``ValueError`` where it is not ``what``."""

    def parse(place: Place) -> T:
        written = place.scalar
        if written is None:
            raise place.expected(what)
        try:
            return convert(written)
        except ValueError:
            raise place.expected(what) from None

    return parse


def text(max_chars: int, what: str = "text") -> Parser[str]:
    """Parse one line of printable text: no control characters, none that change the direction."""

    def convert(written: str) -> str:
        if not (0 < len(written) <= max_chars and written.isprintable()):
            raise ValueError
        return written

    return scalar(convert, f"{what} (one line, at most {max_chars} characters)")


def matching(pattern: str, what: str) -> Parser[str]:
    """Parse text that matches the whole of ``pattern``."""
    compiled = re.compile(pattern, re.ASCII)

    def convert(written: str) -> str:
        if not compiled.fullmatch(written):
            raise ValueError
        return written

    return scalar(convert, what)


def one_of(*names: str) -> Parser[str]:
    """Parse one of ``names``."""

    def convert(written: str) -> str:
        return names[names.index(written)]

    return scalar(convert, f"one of {', '.join(names)}")


def boolean(place: Place) -> bool:
    """Parse ``true`` or ``false``."""
    return one_of("true", "false")(place) == "true"


def integer(least: int, most: int) -> Parser[int]:
    """Parse a whole number from ``least`` to ``most``."""
    compiled = re.compile(r"-?[0-9]{1,18}")

    def convert(written: str) -> int:
        if not compiled.fullmatch(written) or not least <= int(written) <= most:
            raise ValueError
        return int(written)

    return scalar(convert, f"a whole number from {least} to {most}")


def number(least: float, most: float) -> Parser[float]:
    """Parse a number from ``least`` to ``most``, written in digits."""
    compiled = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")

    def convert(written: str) -> float:
        if not compiled.fullmatch(written) or not least <= float(written) <= most:
            raise ValueError
        return float(written)

    return scalar(convert, f"a number from {least:g} to {most:g}")


_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def duration(least: str, most: str) -> Parser[float]:
    """Parse a duration such as ``90s``, ``15m`` or ``1h``, in seconds; the bounds are written alike."""
    least_s, most_s = _seconds(least), _seconds(most)

    def convert(written: str) -> float:
        value_s = _seconds(written)
        if not least_s <= value_s <= most_s:
            raise ValueError
        return value_s

    return scalar(convert, f"a duration from {least} to {most}, such as 90s, 15m or 1h")


_UNITS_BYTES: Final = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def size(least: str, most: str) -> Parser[int]:
    """Parse an amount of data such as ``500kB`` or ``3MB``, in bytes; the bounds are written alike."""
    least_bytes, most_bytes = _bytes(least), _bytes(most)

    def convert(written: str) -> int:
        value = _bytes(written)
        if not least_bytes <= value <= most_bytes:
            raise ValueError
        return value

    return scalar(convert, f"a size from {least} to {most}, such as 500kB or 3MB")


def _bytes(written: str) -> int:
    parts = re.fullmatch(r"([0-9]{1,9})(B|kB|MB|GB)", written, re.ASCII)
    if parts is None:
        raise ValueError(written)
    return int(parts[1]) * _UNITS_BYTES[parts[2]]


def _seconds(written: str) -> float:
    parts = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)", written, re.ASCII)
    if parts is None:
        raise ValueError(written)
    return float(parts[1]) * _UNITS_S[parts[2]]

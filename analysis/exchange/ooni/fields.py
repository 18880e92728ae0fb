"""Reading fields of a measurement that a stranger wrote: each is what it must be, or the measurement is refused."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, Final

MAX_ITEMS: Final = 2_000
"""Entries of one list: OONI's own tests write some dozens, network events some hundreds."""
MAX_TEXT_CHARS: Final = 4_000
_YEARS: Final = range(2000, 2100)
"""OONI began in 2012; reconstructions of what came before are made with the clock of that time."""


class UnfitError(ValueError):
    """A measurement that cannot be imported, with the field and the reason."""


class Fields:
    """An object of the measurement, and its place in it."""

    def __init__(self, value: Any, place: str = "") -> None:
        if not isinstance(value, dict):
            raise UnfitError(f"{place or 'the measurement'} is no object")
        self._value: dict[str, Any] = value
        self.place = place

    def __contains__(self, key: str) -> bool:
        return self._value.get(key) is not None

    @property
    def keys(self) -> list[str]:
        """Every key, in order."""
        return list(self._value)

    def _unfit(self, key: str, wanted: str) -> UnfitError:
        return UnfitError(f"{self.place + '.' if self.place else ''}{key} is no {wanted}")

    def text(self, key: str) -> str | None:
        """Give a text, bounded; ``None`` where there is none."""
        value = self._value.get(key)
        if value is None or value is False:  # OONI's older probes wrote false for "no failure"
            return None
        if not isinstance(value, str):
            raise self._unfit(key, "text")
        return value[:MAX_TEXT_CHARS]

    def whole_text(self, key: str) -> str:
        """Give a text that must be there."""
        value = self.text(key)
        if not value:
            raise UnfitError(f"{self.place + '.' if self.place else ''}{key} is missing")
        return value

    def number(self, key: str, default: float = 0.0) -> float:
        """Give a number."""
        value = self._value.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
            raise self._unfit(key, "number")
        return float(value)

    def whole_number(self, key: str) -> int | None:
        """Give a whole number that a column can hold."""
        value = self._value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**53:
            raise self._unfit(key, "whole number")
        return value

    def flag(self, key: str) -> bool | None:
        """Give a boolean."""
        value = self._value.get(key)
        if value is not None and not isinstance(value, bool):
            raise self._unfit(key, "boolean")
        return value

    def object(self, key: str) -> Fields:
        """Give an object; an empty one where there is none."""
        value = self._value.get(key)
        return Fields({} if value is None else value, f"{self.place}.{key}" if self.place else key)

    def items(self, key: str) -> list[Fields]:
        """Give the objects of a list; none where there is no list."""
        value = self._value.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._unfit(key, "list")
        if len(value) > MAX_ITEMS:
            raise UnfitError(f"{self.place}.{key} has more than {MAX_ITEMS} entries")
        return [Fields(item, f"{self.place}.{key}[{index}]") for index, item in enumerate(value)]

    def texts(self, key: str) -> list[str]:
        """Give a list of texts; none where there is no list."""
        value = self._value.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._unfit(key, "list of texts")
        return [item[:MAX_TEXT_CHARS] for item in value[:MAX_ITEMS]]

    def pairs(self, key: str) -> list[tuple[str, str]]:
        """Give headers: pairs of text from a list of pairs; what is no text in them is left out."""
        value = self._value.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._unfit(key, "list")
        found = [item for item in value[:MAX_ITEMS] if isinstance(item, list) and len(item) == 2]
        return [
            (name, text[:MAX_TEXT_CHARS]) for name, text in found if isinstance(name, str) and isinstance(text, str)
        ]

    def mapping(self, key: str) -> dict[str, str]:
        """Give an object of texts; what is no text in it is left out."""
        value = self._value.get(key)
        if value is not None and not isinstance(value, dict):
            raise self._unfit(key, "object")
        return {name: text[:MAX_TEXT_CHARS] for name, text in (value or {}).items() if isinstance(text, str)}

    def binary(self, key: str) -> bytes | None:
        """Give what may be text or ``{"format": "base64", "data": …}``."""
        value = self._value.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            return value.encode("utf-8", "replace")
        return _decoded(value, f"{self.place}.{key}")

    def base64(self, key: str) -> bytes | None:
        """Give bytes that are written in base64."""
        value = self._value.get(key)
        return None if value is None else _decoded(value, f"{self.place}.{key}")

    def binaries(self, key: str) -> list[bytes]:
        """Give a list of such."""
        value = self._value.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._unfit(key, "list")
        return [_decoded(item, f"{self.place}.{key}") for item in value[:100]]

    def instant(self, key: str) -> datetime:
        """Give a time as OONI writes it, which is in UTC."""
        written = self.whole_text(key)
        try:
            instant = datetime.strptime(written[:19].replace("T", " "), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            raise self._unfit(key, "time such as 2024-02-12 20:33:47") from None
        if instant.year not in _YEARS:
            raise self._unfit(key, "time at which OONI measured")
        return instant


def _decoded(value: Any, place: str) -> bytes:
    data = value.get("data") if isinstance(value, dict) else value
    if not isinstance(data, str):
        raise UnfitError(f"{place} is no binary data")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise UnfitError(f"{place} is no base64") from None

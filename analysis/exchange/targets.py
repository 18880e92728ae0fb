"""Test lists as Citizen Lab publishes them: each row a URL and what it is, as the targets of a schedule.

A row becomes a target where a schedule may hold it (:mod:`probe.schedule.names`).
Wrong rows are named with line and reason, and left out. The schedule is a
skeleton: who measures, and how often, a person fills in.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import yaml

from probe.errors import UserError
from probe.schedule.entries import MAX_TARGETS
from probe.schedule.names import checked_url, name_of_url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COLUMNS: Final = ("url", "category_code", "category_description", "date_added", "source", "notes")
MAX_FILE_BYTES: Final = 16 * 1024 * 1024
_NOTE_CHARS: Final = 200
_LEFT_AS_IS: Final = "!#$%&'()*+,-./:;=?@[]_~"
_HEAD: Final = """\
# Made from the test list {name} by `nameblind import targets`: {count} target(s). A skeleton: before measuring,
#   * write your country's two letters, and how you are connected, under `vantage`;
#   * put sites of your country that nobody would block under `controls: home:`;
#   * read what it would contact: nameblind plan --schedule FILE
# docs/schedule.md describes every key.

"""


@dataclass(frozen=True, slots=True)
class Listed:
    """One row that a schedule may hold."""

    name: str
    url: str
    category: str
    note: str


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A row that was left out."""

    line: int
    reason: str


def read_list(path: Path, categories: Iterable[str] = ()) -> tuple[list[Listed], list[WrongRow]]:
    """Give the rows of a test list, of some categories where they are named, and the wrong ones.

    ``UserError`` where the file is no test list.
    """
    wanted = set(categories)
    rows = csv.DictReader(io.StringIO(_text(path)), strict=True)
    missing = {"url", "category_code"} - set(rows.fieldnames or ())
    if missing:
        raise UserError(f"{path}:1: expected the columns {', '.join(COLUMNS)}; {', '.join(sorted(missing))} is missing")
    listed: list[Listed] = []
    wrong: list[WrongRow] = []
    urls: set[str] = set()
    names: set[str] = set()
    try:
        for row in rows:
            category = (row.get("category_code") or "").strip()
            if wanted and category not in wanted:
                continue
            try:
                one = _listed(row, category, names)
            except ValueError as error:
                wrong.append(WrongRow(rows.line_num, str(error)))
                continue
            if one.url in urls:
                wrong.append(WrongRow(rows.line_num, f"{one.url} stands in the list twice"))
                continue
            urls.add(one.url)
            names.add(one.name)
            listed.append(one)
    except csv.Error as error:
        raise UserError(f"{path}:{rows.line_num}: it cannot be read as CSV ({error})") from error
    return listed, wrong


def schedule_text(name: str, listed: list[Listed]) -> str:
    """Give a schedule that holds these targets. ``UserError`` where there are none, or more than it may hold."""
    if not listed:
        raise UserError(f"{name} has no row that a schedule may hold: choose other categories, or another list")
    if len(listed) > MAX_TARGETS:
        raise UserError(
            f"{name} has {len(listed)} rows that a schedule may hold, and it holds {MAX_TARGETS} at most: choose "
            "categories with --category, or cut the list into parts"
        )
    services: dict[str, dict[str, Any]] = {}
    for one in listed:
        host = (urlsplit(one.url).hostname or "").removeprefix("www.")
        target = {"name": one.name, "url": one.url, "note": one.note}
        services.setdefault(host, {"targets": []})["targets"].append(target)
    schedule = {
        "name": name,
        "vantage": {"country": "ZZ", "bearer": "unknown"},
        "resolvers": [
            {"name": "system", "transport": "system"},
            {"name": "google-udp", "transport": "udp", "address": "8.8.8.8"},
        ],
        "cadence": "6h",
        "jitter": "30m",
        "controls": {"abroad": ["https://example.com/", "https://www.iana.org/"]},
        "services": services,
    }
    written = yaml.safe_dump(schedule, sort_keys=False, allow_unicode=True, width=100)
    return _HEAD.format(name=name, count=len(listed)) + written


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check the path") from error
    if len(data) > MAX_FILE_BYTES:
        raise UserError(f"{path} is larger than {MAX_FILE_BYTES // 1024**2} MiB, so it is no test list")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not in UTF-8: save it so, or name another file") from error


def _listed(row: dict[str, Any], category: str, names: set[str]) -> Listed:
    if None in row or None in row.values():
        raise ValueError(f"expected {len(COLUMNS)} columns")
    written = (row["url"] or "").strip()
    if not written:
        raise ValueError("the URL is empty")
    try:
        url = checked_url(_in_ascii(written))
    except ValueError:
        raise ValueError(
            f"{written!r:.100} is no http or https URL with a public host name, without user, password and fragment"
        ) from None
    said = f"{category}, {row.get('category_description') or ''}; test list {row.get('date_added') or ''}"
    note = "".join(character if character.isprintable() else " " for character in said)[:_NOTE_CHARS]
    return Listed(_name(url, names), url, category, note)


def _in_ascii(written: str) -> str:
    """Write a host in its ``xn--`` form, and what else is not ASCII percent-encoded, as a client must."""
    parts = urlsplit(written)
    host = (parts.hostname or "").encode("idna").decode("ascii") if parts.hostname else ""
    port = f":{parts.port}" if parts.port else ""
    user = parts.netloc.rpartition("@")[0]
    authority = f"{user}@{host}{port}" if user else f"{host}{port}"
    path, query = quote(parts.path, _LEFT_AS_IS), quote(parts.query, _LEFT_AS_IS)
    return urlunsplit((parts.scheme, authority, path, query, parts.fragment))


def _name(url: str, names: set[str]) -> str:
    """Give a name of its own: the URL's, with its scheme or a number where another row has that already."""
    plain = name_of_url(url) or (urlsplit(url).hostname or "target")
    if plain not in names:
        return plain
    scheme = urlsplit(url).scheme
    candidates = [f"{scheme}/{plain}"[:100], *(f"{plain[:90]}+{number}" for number in range(2, MAX_TARGETS * 20))]
    return next(name for name in candidates if name not in names)

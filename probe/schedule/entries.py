"""The entries of a schedule that are measured: targets, videos, controls and portal checks, as written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from probe.model import Target, TargetKind
from probe.schedule.names import NAME, URL, VIDEO, name_of_url, watch_url
from probe.schedule.yaml_reader import ListOf, Place, Placed, Record, UnfitError, optional, required
from probe.schedule.yaml_scalars import integer, one_of, text

MAX_TARGETS: Final = 500
"""Of a whole schedule: at eight at a time and 10 s each, a pass of ten minutes."""

NOTE = text(500)
STATUS = integer(200, 599)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A target as written, before its place in the file says what it is for."""

    name: str
    url: str
    video: str | None = None
    expect_status: int | None = None
    role: str | None = None
    need: str | None = None
    note: str = ""

    def as_target(self, service: str, kind: TargetKind) -> Target:
        """Give the target that it is, there."""
        return Target(
            name=self.name,
            service=service,
            url=self.url,
            kind=kind,
            video=self.video,
            expect_status=self.expect_status,
            role=self.role,
            need=self.need,
            note=self.note,
        )


def _target(*, url: str, name: str | None = None, role: str | None = None, note: str = "") -> Entry:
    name = name or name_of_url(url)
    if name is None:
        raise UnfitError("name", "a name, because the URL has more in it than a name may have")
    return Entry(name=name, url=url, role=role, note=note)


def _video(*, id: str, scheme: str = "https", name: str | None = None, note: str = "") -> Entry:  # noqa: A002 - the key in the file
    return Entry(name=name or f"youtube/{id}", url=watch_url(id, scheme), video=id, role="video", note=note)


def _portal_check(*, url: str, status: int, name: str | None = None, note: str = "") -> Entry:
    if not url.startswith("http://"):
        raise UnfitError("url", "an http URL, because a portal cannot redirect https")
    return replace(_target(url=url, name=name, note=note), expect_status=status)


PlacedEntries = tuple[tuple[Place, Entry], ...]

ROLES: Final = ("site", "short-links", "images", "video", "api")
"""What people need a host for."""
ROLE = one_of(*ROLES)

TARGET = Record(_target, {"name": optional(NAME), "url": required(URL), "note": optional(NOTE)}, line="url")

SERVICE_TARGET = Record(_target, {**TARGET.keys, "role": optional(ROLE)}, line="url")

VIDEO_TARGET = Record(
    _video,
    {
        "id": required(VIDEO),
        "scheme": optional(one_of("https", "http")),
        "name": optional(NAME),
        "note": optional(NOTE),
    },
    line="id",
)

PORTAL_CHECK = Record(
    _portal_check,
    {"name": optional(NAME), "url": required(URL), "status": required(STATUS), "note": optional(NOTE)},
)


def _service(
    *,
    targets: PlacedEntries = (),
    videos: PlacedEntries = (),
    all_of: tuple[str, ...] = (),
    any_of: tuple[str, ...] = (),
) -> PlacedEntries:
    entries = targets + videos
    if not entries:
        raise UnfitError("targets", "at least one target or video in each service")
    for key, roles in (("all_of", all_of), ("any_of", any_of)):
        if missing := set(roles) - {entry.role for _, entry in entries}:
            raise UnfitError(key, f"roles that targets of the service have, and none has {', '.join(sorted(missing))}")
    if both := set(all_of) & set(any_of):
        raise UnfitError("any_of", f"roles that are not in all_of: {', '.join(sorted(both))}")
    needs = dict.fromkeys(all_of, "all") | dict.fromkeys(any_of, "any")
    return tuple((at, replace(entry, need=needs.get(entry.role or ""))) for at, entry in entries)


SERVICE = Record(
    _service,
    {
        "targets": optional(ListOf(Placed(SERVICE_TARGET), at_most=MAX_TARGETS)),
        "videos": optional(ListOf(Placed(VIDEO_TARGET), at_most=MAX_TARGETS)),
        "all_of": optional(ListOf(ROLE, at_least=1)),
        "any_of": optional(ListOf(ROLE, at_least=1)),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What nobody would block, and plain HTTP whose answer is known."""

    abroad: PlacedEntries
    home: PlacedEntries = ()
    portal_check: PlacedEntries = ()


CONTROLS = Record(
    Controls,
    {
        "home": optional(ListOf(Placed(TARGET), at_most=20)),
        "abroad": required(ListOf(Placed(TARGET), at_least=1, at_most=20)),
        "portal_check": optional(ListOf(Placed(PORTAL_CHECK), at_most=5)),
    },
)

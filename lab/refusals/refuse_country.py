"""Refuses visitors from some countries with a page of its own: 403, or 451 with a legal reason (RFC 7725)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.refusal import COUNTRIES, FOR_SOME, ForSome, one_status
from lab.servers.http import Answer, page
from probe.schedule.yaml_reader import Record, optional, required
from probe.schedule.yaml_scalars import text

if TYPE_CHECKING:
    from lab.dissect import RequestHead
    from lab.servers.http import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseCountry(ForSome):
    """The refusal."""

    status: int = 403
    title: str = "Not available in your country"
    body: str = "This site is not offered where you are."

    def __call__(self, request: RequestHead, client: Client) -> Answer | None:
        """Answer one request, or not."""
        del request  # every page alike
        return Answer(self.status, page(self.title, self.body)) if self.concerns(client) else None


RECORD = Record(
    RefuseCountry,
    FOR_SOME
    | {
        "countries": required(COUNTRIES),
        "status": optional(one_status(403, 451)),
        "title": optional(text(200)),
        "body": optional(text(600)),
    },
)

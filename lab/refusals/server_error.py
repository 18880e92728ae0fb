"""Fails at the server: 500, 502, 503 or another 5xx, to everybody or to some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.refusal import FOR_SOME, ForSome
from lab.servers.http import Answer, page
from probe.schedule.yaml_reader import Record, optional
from probe.schedule.yaml_scalars import integer

if TYPE_CHECKING:
    from lab.dissect import RequestHead
    from lab.servers.http import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError(ForSome):
    """The refusal."""

    status: int = 503

    def __call__(self, request: RequestHead, client: Client) -> Answer | None:
        """Answer one request, or not."""
        del request  # every page alike
        body = page(f"Error {self.status}", "The server cannot answer at the moment.")
        return Answer(self.status, body) if self.concerns(client) else None


RECORD = Record(ServerError, FOR_SOME | {"status": optional(integer(500, 599))})

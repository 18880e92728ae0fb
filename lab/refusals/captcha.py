"""Demands that a visitor solve a challenge first: a CAPTCHA's page with 403 or 200 instead of the site's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.refusal import FOR_SOME, ForSome, one_status
from lab.servers.http import Answer
from probe.schedule.yaml_reader import Record, optional

if TYPE_CHECKING:
    from lab.dissect import RequestHead
    from lab.servers.http import Client

_PAGE = b"""<!doctype html><html lang="en"><head><title>Just a moment...</title>
<meta name="robots" content="noindex,nofollow"></head>
<body><h1>Checking that you are human</h1>
<form id="challenge-form" action="/challenge" method="post"><div class="captcha" data-sitekey="lab"></div>
<noscript>Enable JavaScript and cookies to continue.</noscript></form></body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captcha(ForSome):
    """The refusal."""

    status: int = 403

    def __call__(self, request: RequestHead, client: Client) -> Answer | None:
        """Answer one request, or not."""
        del request  # every page alike
        headers = (("Cache-Control", "no-store"),)
        return Answer(self.status, _PAGE, headers=headers) if self.concerns(client) else None


RECORD = Record(Captcha, FOR_SOME | {"status": optional(one_status(200, 403))})

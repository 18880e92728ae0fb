"""Logs: one JSON object a line, to standard error. Nothing of a volunteer's is in them, nor an address."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final

_OURS: Final = ("path", "reason")


class Lines(logging.Formatter):
    """Writes what we name, and nothing else of a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Give one line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said = {key: getattr(record, key) for key in _OURS if hasattr(record, key)}
        if record.exc_info and record.exc_info[0] is not None:
            said["error"] = record.exc_info[0].__name__
        return json.dumps({"at": at, "level": record.levelname.lower(), "what": record.getMessage(), **said})


def configure() -> None:
    """Send our log and the server's warnings to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("nameblind.collector").setLevel(logging.INFO)

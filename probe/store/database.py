"""The results database, as the rest of the project uses it: open, append, merge, conclude."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from probe.clock import SystemClock
from probe.store import chain
from probe.store.canonical import content, row_sha256, storable
from probe.store.connection import locate, shown
from probe.store.lock import sole_use, sole_use_of_server
from probe.store.merging import merge
from probe.store.models import CONCLUSIONS, FACTS, Base, Blob, ChainEnd, Vantage
from probe.store.opening import open_engine
from probe.store.writing import transaction

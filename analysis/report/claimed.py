"""What somebody said was the cause, as a report sets it against the events: scope by scope, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.claims.weigh import Outcome
from analysis.report import bounds
from analysis.report.inert import visible
from analysis.report.quoted import Quoted, in_words
from analysis.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.claims.claim import Claim, Scope
    from analysis.claims.weigh import Weighed
    from analysis.report.catalogue import Catalogue

_KEYS = {Outcome.SUPPORTED: "supported", Outcome.CONTRADICTED: "contradicted", Outcome.UNSAID: "unsaid"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A claim in one place, of one service."""

    what: str
    outcome: str
    """``supported``, ``contradicted`` or ``unsaid``."""
    word: str
    reason: Quoted
    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One claim, worded."""

    who: str
    said: str
    source: str
    quote: str
    cause: str
    assumed: tuple[str, ...]
    scopes: tuple[tuple[str, tuple[Answer, ...]], ...]
    """Where and when, and what became of it there."""


def claimed(weighed: Sequence[tuple[Claim, Sequence[Sequence[Weighed]]]], words: Catalogue) -> tuple[Claimed, ...]:
    """Word claims that were weighed; text from their files is made harmless."""
    return tuple(
        Claimed(
            who=short(claim.who),
            said=short(claim.said),
            source=visible(claim.source, bounds.LONG_TEXT_CHARS),
            quote=visible(claim.quote, bounds.LONG_TEXT_CHARS),
            cause=words.text(f"cause.{claim.cause.value}.title"),
            assumed=tuple(visible(text, bounds.LONG_TEXT_CHARS) for text in claim.assumed),
            scopes=tuple(
                (_place(scope, words), tuple(_answer(one, words) for one in answers))
                for scope, answers in zip(claim.scopes, scopes, strict=True)
            ),
        )
        for claim, scopes in weighed
    )


def _place(scope: Scope, words: Catalogue) -> str:
    first, last = scope.inner
    where = ", ".join(short(name) for name in (*scope.regions, *scope.networks)) or scope.country or ""
    span = f"{first:%Y-%m-%d %H:%M} / {last:%Y-%m-%d %H:%M} UTC"
    return f"{where or words.text('claims.everywhere')}, {span}"


def _answer(weighed: Weighed, words: Catalogue) -> Answer:
    key = _KEYS[weighed.outcome]
    return Answer(
        what=", ".join(short(name) for name in (weighed.region, weighed.service) if name),
        outcome=key,
        word=words.text(f"claims.{key}"),
        reason=in_words(weighed.reason, words),
        event_ids=tuple(short(str(event["id"])) for event in weighed.events),
    )

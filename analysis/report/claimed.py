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
class Reason:
    """Why, for the places and services of which that was said in the same words."""

    what: str
    text: Quoted
    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a claim, wherever in a scope the same became of it."""

    outcome: str
    """``supported``, ``contradicted`` or ``unsaid``."""
    word: str
    what: str
    reasons: tuple[Reason, ...]


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
                (_place(scope, words), _answers(answers, words))
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


def _answers(weighed: Sequence[Weighed], words: Catalogue) -> tuple[Answer, ...]:
    """Give an answer for each outcome, in the order in which they first came."""
    by_outcome: dict[Outcome, list[Weighed]] = {}
    for one in weighed:
        by_outcome.setdefault(one.outcome, []).append(one)
    return tuple(
        Answer(
            outcome=_KEYS[outcome],
            word=words.text(f"claims.{_KEYS[outcome]}"),
            what=_what(several),
            reasons=_reasons(several, words),
        )
        for outcome, several in by_outcome.items()
    )


def _reasons(weighed: Sequence[Weighed], words: Catalogue) -> tuple[Reason, ...]:
    by_reason: dict[str, list[Weighed]] = {}
    for one in weighed:
        by_reason.setdefault(one.reason, []).append(one)
    return tuple(
        Reason(
            what=_what(several),
            text=in_words(reason, words),
            event_ids=tuple(dict.fromkeys(short(str(event["id"])) for one in several for event in one.events)),
        )
        for reason, several in by_reason.items()
    )


def _what(weighed: Sequence[Weighed]) -> str:
    """Name places with their services."""
    services: dict[str, list[str]] = {}
    for one in weighed:
        services.setdefault(one.region, []).append(short(one.service))
    told = [(short(region), ", ".join(filter(None, names))) for region, names in services.items()]
    return "; ".join(f"{region} ({names})" if region and names else region or names for region, names in told)

"""Findings and events in the fixed words of a catalogue.

The same state always gets the same sentence; only counts, names and times differ. Every finding carries, in
its own paragraph, what else could explain it and what would change it. Nobody is named as an author.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.report import bounds
from analysis.report.inert import visible
from probe.model import Peer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.report.catalogue import Catalogue
    from analysis.report.evidence import PairRow
    from analysis.report.findings import Finding
    from analysis.report.grid import Area

_CLAIM_FLOOR_LOG10_E = 3.0
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_FOLLOWS_A_NAME = frozenset({"blocked", "suspected", "tampered", "throttled"})
_PAIRS_BEAR_ON = frozenset({"blocked", "suspected", "throttled", "insufficient"})


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One finding of the summary."""

    number: int
    state: str
    heading: str
    sentence: str
    """The fixed sentence of the state."""
    support: str
    """Vantages, controls, sentinel, pairs."""
    alternative: str
    change: str
    mechanisms: tuple[str, ...]


def short(text: str | None) -> str:
    """Give a name, an address or a title for display."""
    return visible(text or "", bounds.SHORT_TEXT_CHARS)


def area_name(area: Area, words: Catalogue) -> str:
    """Give a region, where there is one, and its country."""
    country, region = area
    named = words.country(short(country))
    return f"{short(region)}, {named}" if region else named


def area_names(areas: Iterable[Area], words: Catalogue) -> str:
    """Give places, by country."""
    regions: dict[str, list[str]] = {}
    for country, region in areas:
        regions.setdefault(country, []).extend([region] if region else [])
    return words.names(
        [
            words.text("list.of_country", country=words.country(short(country)), regions=listed(named, words))
            if named
            else words.country(short(country))
            for country, named in regions.items()
        ],
        bounds.LISTED_NAMES,
        separator="; ",
    )


def heading(finding: Finding, words: Catalogue) -> str:
    """Give what the finding is about."""
    if finding.area is not None:
        return area_name(finding.area, words)
    if finding.is_whole:
        return short(finding.service)
    if len(finding.targets) == finding.targets_asked:
        total = words.count("count.target", finding.targets_asked)
        return words.text("summary.some_of_service", service=short(finding.service), total=total)
    return words.text(
        "summary.part_of_service",
        service=short(finding.service),
        targets=listed(finding.targets, words),
        number=words.number(len(finding.targets)),
        total=words.count("count.target", finding.targets_asked),
    )


def sentence(finding: Finding, words: Catalogue) -> str:
    """Give the fixed sentence of the finding's state."""
    return words.text(
        f"state.{finding.state}.sentence" + ("_home_alive" if finding.is_home_alive else ""),
        scope=heading(finding, words),
        rounds=rounds(finding, words),
        span=_span(finding, words),
    )


def paragraph(finding: Finding, strongest: PairRow | None, words: Catalogue) -> Paragraph:
    """Word one finding; ``strongest`` is its weightiest paired test, where there is one."""
    support = [_seen_from(finding, words)]
    if finding.state in _FOLLOWS_A_NAME and not finding.is_network_confirmed:
        support.append(words.text("summary.network_unconfirmed"))
    support += [_controls(finding, words), _outside(finding, words)]
    if strongest is not None and finding.state in _PAIRS_BEAR_ON:
        support += _pairs(strongest, words)
    return Paragraph(
        number=finding.number,
        state=finding.state,
        heading=heading(finding, words),
        sentence=sentence(finding, words),
        support=" ".join(support),
        alternative=words.text(f"state.{finding.state}.alternative"),
        change=words.text(f"state.{finding.state}.change"),
        mechanisms=tuple(short(mechanism) for mechanism in finding.mechanisms[: bounds.LISTED_NAMES * 2]),
    )


def rounds(finding: Finding, words: Catalogue) -> str:
    """Give "n of N rounds", and how many of the N did not happen."""
    return words.text("summary.rounds", **_rounds(finding, words)) + _parts(finding, words)


def listed(names: Iterable[str], words: Catalogue) -> str:
    """Give a list of names from outside, cut short."""
    return words.names([short(name) for name in names], bounds.LISTED_NAMES)


def odds(log10_e: float, words: Catalogue) -> str:
    """Give the bound of Ville's inequality, ``1 in E``, in figures that can be read."""
    if log10_e > 9:
        return "10" + str(int(log10_e)).translate(_SUPERSCRIPT)
    digits = 10 ** max(0, int(log10_e) - 1)
    return words.number(int(10**log10_e) // digits * digits)


def _rounds(finding: Finding, words: Catalogue) -> dict[str, str]:
    return {
        "seen": words.number(finding.rounds_seen),
        "rounds": words.count("count.round", finding.rounds),
    }


def _parts(finding: Finding, words: Catalogue) -> str:
    parts = [
        words.text(f"summary.{kind}_part", number=words.number(number))
        for kind, number in (("missed", finding.rounds_missed), ("unheard", finding.rounds_unheard))
        if number
    ]
    return (
        " " + words.text("summary.of_them", total=words.number(finding.rounds), parts=", ".join(parts)) if parts else ""
    )


def _span(finding: Finding, words: Catalogue) -> str:
    first, last = words.moment(finding.first_at), words.moment(finding.last_at)
    return words.text("time.instant" if first == last else "time.span", first=first, last=last)


def _seen_from(finding: Finding, words: Catalogue) -> str:
    networks = ""
    if finding.networks:
        counted = words.count("count.network", len(finding.networks))
        networks = words.text("summary.in_networks", networks=f"{counted} ({listed(finding.networks, words)})")
    return words.text(
        "summary.seen_from",
        vantages_seen=words.number(len(finding.vantages)),
        vantages=words.count("count.vantage", finding.vantages_asked),
        places=area_names(finding.areas, words),
        networks=networks,
    )


def _controls(finding: Finding, words: Catalogue) -> str:
    counts = finding.controls
    where = [
        words.text(f"summary.controls_{name}", answered=words.number(answered), measured=words.number(measured))
        for name, answered, measured in (
            ("home", counts.home_answered, counts.home),
            ("abroad", counts.abroad_answered, counts.abroad),
        )
        if measured
    ]
    if not where:
        return words.text("summary.no_controls")
    return words.text("summary.controls", where=", ".join(where))


def _outside(finding: Finding, words: Catalogue) -> str:
    if not finding.sentinel_rounds:
        return words.text("summary.no_sentinel")
    return words.text(
        "summary.sentinel" if finding.service is not None else "summary.sentinel_place",
        ok=words.number(finding.sentinel_ok),
        rounds=words.count("count.round", finding.sentinel_rounds),
    )


def _pairs(strongest: PairRow, words: Catalogue) -> list[str]:
    is_strong = strongest.log10_e >= _CLAIM_FLOOR_LOG10_E
    e_value = odds(strongest.log10_e, words) if is_strong else f"{10**strongest.log10_e:.2g}"
    sentence = words.text(
        "summary.pairs",
        pairs=words.count("count.pair", strongest.pairs),
        discordant=words.number(strongest.discordant),
        target_failed=words.number(strongest.target_failed),
        e=e_value,
    )
    verdict = words.text("summary.pairs_strong" if is_strong else "summary.pairs_weak", odds=e_value)
    is_at_helper = strongest.peer == Peer.HELPER.value
    return [sentence, verdict] if is_at_helper else [sentence, verdict, words.text("summary.pairs_own_address")]

"""A report as a list of blocks (headings, paragraphs, lists, tables, pictures), for pages that are not HTML.

The same content as the page, less what only a screen can fold away: measurements in full stay in the page and
in the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.report.accumulated import Accumulation
    from analysis.report.axis import Tick
    from analysis.report.catalogue import Catalogue
    from analysis.report.evidence import Dossier
    from analysis.report.happenings import Entry, Happening
    from analysis.report.timeline import Strip
    from analysis.report.whole import Whole

Block = dict[str, Any]


def blocks_of(context: dict[str, Any]) -> list[Block]:
    """Give the whole report, in the order of the page."""
    words: Catalogue = context["words"]
    made = {
        "answer": _answer,
        "claims": _claims,
        "whole": _whole,
        "summary": _summary,
        "events": _events,
        "accumulated": _accumulated,
        "timeline": _timeline,
        "evidence": _evidence,
        "method": _method,
    }
    blocks = list(_head(context, words))
    for part in context["parts"]:
        blocks.append(_heading(words.text(f"{part}.title"), 2))
        blocks += made[part](context, words)
    return blocks


def _heading(text: str, level: int, look: str = "") -> Block:
    return {"kind": "heading", "text": text, "level": level, "look": look}


def _text(text: str, style: str = "plain") -> Block:
    return {"kind": "text", "text": text, "style": style}


def _items(items: Iterable[tuple[str, str]]) -> Block:
    return {"kind": "items", "items": [{"look": look, "text": text} for look, text in items]}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Block:
    return {"kind": "table", "head": list(head), "rows": [list(row) for row in rows]}


def _strips(strips: Sequence[Strip], ticks: Sequence[Tick]) -> Block:
    return {
        "kind": "strips",
        "strips": [
            {
                "group": strip.group,
                "label": strip.target,
                "alt": strip.summary,
                "marks": [
                    {
                        "left": mark.left,
                        "width": mark.width,
                        "letter": mark.letter if mark.width > 1.6 else "",
                        "parts": [[part.state, part.top, part.height] for part in mark.parts],
                    }
                    for mark in strip.marks
                ],
            }
            for strip in strips
        ],
        "ticks": _ticks(ticks),
    }


def _ticks(ticks: Sequence[Tick]) -> list[list[Any]]:
    return [[tick.percent, tick.utc, tick.anchor] for tick in ticks]


def _head(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    grid = context["grid"]
    probes = [place for place in grid.places if not place.is_sentinel]
    yield _text(words.text("page.title"), "soft")
    yield _heading(context["subject"] or words.text("summary.not_enough"), 1)
    if context["is_lab"]:
        yield _text(words.text("page.lab"), "framed")
    if not context["is_reviewed"]:
        yield _text(words.text("page.unreviewed"), "framed")
    yield _table(
        (words.text("page.fact_period"), words.text("page.fact_vantages"), words.text("page.fact_rounds")),
        [
            (
                context["period"],
                words.text(
                    "page.fact_vantages_value",
                    probes=words.count("count.probe", len(probes)),
                    sentinels=words.count("count.sentinel", len(grid.places) - len(probes)),
                ),
                words.text(
                    "page.fact_rounds_value",
                    **{kind: words.number(grid.rounds(kind)) for kind in ("ran", "missed", "unheard")},
                ),
            )
        ],
    )


def _answer(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    yield _text(words.text("answer.intro"), "soft")
    if context["nothing"]:
        yield _text(context["nothing"])
    for answer in context["answers"]:
        yield _heading(answer.title, 3)
        yield _items((line.look, line.text) for line in answer.lines)


def _claims(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    yield _text(words.text("claims.intro"), "soft")
    for claim in context["claims"]:
        yield _heading(f"{claim.who}: {claim.cause}", 3)
        yield _text(claim.quote)
        yield _text(f"{claim.said}. {claim.source}", "soft")
        for text in claim.assumed:
            yield _text(f"{words.text('claims.assumed')} {text}", "soft")
        for place, answers in claim.scopes:
            yield _text(place)
            for one in answers:
                yield _text(f"{one.word}: {one.what}" if one.what else one.word, "strong")
                yield _items(("", f"{reason.what}: {reason.text.text}.") for reason in one.reasons)


def _whole(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    whole: Whole | None = context["whole"]
    if whole is None:
        yield _text(words.text("timeline.nothing"))
        return
    yield _text(words.text("whole.intro"), "soft")
    yield {"kind": "legend", "signs": [[look, context["word_of"](look)] for look in whole.looks]}
    yield _strips(whole.strips, whole.ticks)
    yield from _cut(whole.strips_left_out, words)
    yield _heading(words.text("whole.schematic"), 3)
    yield _text(words.text("whole.schematic_intro"), "soft")
    yield {
        "kind": "schematic",
        "head": [words.text("whole.place"), *whole.columns],
        "rows": [
            [
                place,
                [
                    [
                        [
                            chip.look,
                            words.text(
                                "whole.chip", word=chip.word, vantages=words.count("count.vantage", chip.vantages)
                            ),
                        ]
                        for chip in cell
                    ]
                    or [["", words.text("whole.empty")]]
                    for cell in cells
                ],
            ]
            for place, cells in whole.rows
        ],
    }


def _summary(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    yield _text(words.text("summary.intro"), "soft")
    for one in context["paragraphs"]:
        yield _heading(one.heading, 3, one.state)
        yield _text(one.sentence, "strong")
        yield _text(
            f"{one.support} {words.text('summary.alternative_label')} {one.alternative} "
            f"{words.text('summary.change_label')} {one.change}"
        )
    if context["reachable"]:
        yield _heading(words.text("summary.ok_title"), 3, "ok")
        yield _items(("", line) for _, line in context["reachable"])
    yield from _cut(context["findings_left_out"], words)


def _events(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    happenings: Sequence[Happening] = context["happenings"]
    yield _text(words.text("events.intro"), "soft")
    if not happenings:
        yield _text(words.text("events.none"))
    named = [one for one in happenings if one.cause != "insufficient"]
    for one in named:
        yield _heading(f"{one.title} ({one.event_id})", 3, one.look)
        yield _items(("", f"{label}: {value}") for label, value in one.scope)
        for label, interval in (("events.began", one.began), ("events.ended", one.ended)):
            local = "; ".join(interval.local)
            yield _text(f"{words.text(label)}: {interval.utc}" + (f" ({local})" if local else ""))
        yield _text(
            f"{words.text('events.reading')}: {one.reading} {words.text('events.other')}: {one.other}", "strong"
        )
        yield from _side("for", one.speaking_for, one.sums_for, words)
        yield from _side("against", one.speaking_against, one.sums_against, words)
        if one.neutral:
            yield from _side("neither", one.neutral, "", words)
        yield from _cut(one.entries_left_out, words)
        if one.wanted:
            yield _text(f"{words.text('events.wanted')}: " + " ".join(wanted.text for wanted in one.wanted))
    if len(happenings) > len(named):
        yield _text(words.count("events.unnamed", len(happenings) - len(named)))
    yield from _cut(context["happenings_left_out"], words)


def _side(side: str, entries: Sequence[Entry], sums: str, words: Catalogue) -> Iterable[Block]:
    yield _heading(words.text(f"events.{side}"), 4)
    if sums:
        yield _text(words.text("events.weights", sums=sums), "soft")
    if not entries:
        yield _text(words.text(f"events.nothing_{side}"))
        return
    yield _items(
        ("", f"{entry.log10_lr:+.1f}  {entry.name + '. ' if entry.name else ''}{entry.text.text} [{entry.kind}]")
        for entry in entries
    )


def _accumulated(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    yield _text(words.text("accumulated.intro"), "soft")
    accumulations: Sequence[Accumulation] = context["accumulations"]
    for one in accumulations:
        yield {
            "kind": "curves",
            "alt": one.summary,
            "floor": one.floor,
            "zero": one.zero,
            "curves": [
                {"kind": curve.kind, "lines": [[line.x1, line.y1, line.x2, line.y2] for line in curve.segments]}
                for curve in one.curves
            ],
            "legend": [
                [
                    curve.kind,
                    words.text(
                        "accumulated.last",
                        name=words.text(f"accumulated.{curve.kind}"),
                        e=f"{curve.last_log10_e:.1f}",
                    ),
                ]
                for curve in one.curves
            ]
            + [["floor", words.text("accumulated.floor")]],
            "ticks": _ticks(context["ticks"]),
        }


def _timeline(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    yield _text(words.text("timeline.intro"), "soft")
    signs = (*(look.state for look in context["looks"]), *context["gaps"])
    yield {"kind": "legend", "signs": [[sign, context["word_of"](sign)] for sign in signs]}
    for picture in context["pictures"]:
        role = words.text("timeline.role_sentinel" if picture.place.is_sentinel else "timeline.role_probe")
        network = context["short"](picture.place.network or "")
        yield _heading(picture.title, 3)
        yield _text(
            f"{role} · {context['short'](picture.place.vantage_id)} · {network} · {picture.place.bearer}", "soft"
        )
        if picture.strips:
            yield _strips(picture.strips, picture.ticks)
        else:
            yield _text(words.text("timeline.nothing"))
    yield from _cut(context["pictures_left_out"], words)


def _evidence(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    yield _text(words.text("evidence.intro"), "soft")
    yield _text(words.text("evidence.elsewhere"), "soft")
    dossiers: Sequence[Dossier] = context["dossiers"]
    for dossier in dossiers:
        number = dossier.finding.number
        yield _heading(f"{number}. {context['headings'][number]}", 3, dossier.finding.state)
        if dossier.pair_rows:
            columns = ("vantage", "target", "name_kind", "pairs_made", "discordant", "target_failed")
            guards = ("log10_e", "sentinel_e", "negative_e")
            yield _table(
                [words.text(f"evidence.{column}") for column in (*columns, *guards)],
                [
                    (
                        context["short"](row.vantage_id),
                        context["short"](row.target),
                        context["short"](row.name_kind),
                        words.number(row.pairs),
                        words.number(row.discordant),
                        words.number(row.target_failed),
                        *(
                            "-" if value is None else f"{value:.2f}"
                            for value in (row.log10_e, row.sentinel_log10_e, row.negative_log10_e)
                        ),
                    )
                    for row in dossier.pair_rows
                ],
            )
            yield from _cut(dossier.pair_rows_left_out, words)
        yield {"kind": "code", "text": context["query"](dossier.query)}


def _method(context: dict[str, Any], words: Catalogue) -> Iterable[Block]:
    versions, calibration = context["grid"].versions, context["calibration"]
    unknown = words.text("method.unknown")
    yield _text(words.text("method.method"))
    yield _items(("", limit) for _, limit in words.under("method.limits"))
    yield _heading(words.text("method.calibration"), 3)
    yield _text(context["calibration_text"] if calibration else words.text("method.no_calibration"))
    yield _heading(words.text("method.versions"), 3)
    hashes = [(context["short"](name), context["short"](value)) for name, value in context["reference"]]
    yield _items(
        ("", f"{label}: {value}")
        for label, value in (
            (words.text("method.ruleset"), context["short"](versions.ruleset) or unknown),
            (words.text("method.software"), context["short"](versions.software) or unknown),
            (words.text("method.last_arrival"), context["upto"]),
            (words.text("method.facts_hash"), context["short"](versions.facts_sha256) or unknown),
            *((f"{words.text('method.reference')}, {name}", value) for name, value in hashes),
        )
    )
    yield _heading(words.text("method.cite"), 3)
    yield _text(context["citation"].plain)
    yield {"kind": "code", "text": context["citation"].bibtex}
    yield {"kind": "code", "text": context["citation"].json_ld}


def _cut(left_out: int, words: Catalogue) -> Iterable[Block]:
    if left_out:
        yield _text(words.text("page.cut", left_out=words.number(left_out)), "soft")

"""The one function that others call: a database in, one HTML file out, the same bytes for the same facts."""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import select

from analysis.report import bounds
from analysis.report.accumulated import accumulate
from analysis.report.answer import answers
from analysis.report.appearance import GAPS, LOOK, LOOKS, PATTERNS
from analysis.report.catalogue import REVIEWED, load
from analysis.report.certificates import read_issuers
from analysis.report.citing import cite
from analysis.report.claimed import claimed
from analysis.report.evidence import Calibration, Dossier, PairRow, calibrate, gather
from analysis.report.findings import find, tally
from analysis.report.grid import Grid, read_grid
from analysis.report.happenings import tell
from analysis.report.inert import visible
from analysis.report.pdf import render_pdf
from analysis.report.quoted import in_words
from analysis.report.timeline import draw, word_of
from analysis.report.whole import draw_whole
from analysis.report.wording import heading, paragraph, sentence, short
from probe.errors import UserError
from probe.model import Peer
from probe.store.models import PairTest
from probe.vantage import is_of_a_lab

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy.orm import Session

    from analysis.claims.claim import Claim
    from analysis.claims.weigh import Weighed
    from analysis.report.axis import Axis
    from analysis.report.catalogue import Catalogue
    from probe.store.database import Database

PARTS = ("answer", "claims", "whole", "summary", "events", "accumulated", "timeline", "evidence", "method")
"""Sections in the order of a hurried reader: each has its page template."""

_HERE = Path(__file__).parent


FORMATS = ("html", "pdf")


def write_report(
    database: Database, out_dir: Path, *, service: str | None = None, language: str = "en", form: str = "html"
) -> Path:
    """Write the report on a database, or on one service in it, and give the file's path.

    The report reads the stored conclusions and computes none. It holds no time of its own making: the same
    database gives the same bytes, as a page and as a PDF. ``UserError``: a language without a catalogue, a
    service that the database does not have, a folder that cannot be written, a PDF without its typesetter.
    """
    (path,) = write_reports(database, out_dir, service=service, language=language, forms=(form,))
    return path


def write_reports(
    database: Database,
    out_dir: Path,
    *,
    service: str | None = None,
    language: str = "en",
    forms: Sequence[str],
    claims: Sequence[tuple[Claim, Sequence[Sequence[Weighed]]]] = (),
) -> list[Path]:
    """Write the report in several forms (:data:`FORMATS`), reading the database once.

    ``claims``: what somebody said, each with what became of it in its scopes (:func:`analysis.claims.weigh.weigh`).
    """
    words = load(language)
    with database.session() as session:
        context = _context(session, service, words)
    context["claims"] = claimed(claims, words)
    if not claims:
        context["parts"] = [part for part in context["parts"] if part != "claims"]
    made = {form: _MAKERS[form](context) for form in forms}
    paths = []
    for form, content in made.items():
        path = out_dir / _file_name(service, form)
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise UserError(
                f"The report cannot be written to {path}: {error.strerror}; choose another folder with --out."
            ) from error
        paths.append(path)
    return paths


def _context(session: Session, service: str | None, words: Catalogue) -> dict[str, Any]:
    grid = read_grid(session, service)
    findings = find(grid)
    shown = findings[: bounds.FINDINGS]
    dossiers = gather(session, grid, shown)
    axis, pictures = draw(grid, words)
    overview = [replace(row, service=short(row.service)) for row in tally(grid, findings)]
    services = sorted({reading.service for reading in grid.targets})
    happenings, happenings_left_out = tell(session, grid, service, words)
    calibration = calibrate(session.scalars(select(PairTest)).all())
    accumulations = accumulate(session, grid, axis, words)
    subject = (
        short(service)
        if service is not None
        else words.names([short(name) for name in services], bounds.HEADLINE_NAMES)
    )
    period, is_lab = _period(axis, words), is_of_a_lab(session)
    return {
        "parts": [part for part in PARTS if part != "accumulated" or accumulations],
        "is_reviewed": words.language in REVIEWED,
        "answers": answers(session, grid, service, words),
        "told": {one.event_id for one in happenings},
        "whole": draw_whole(session, grid, axis, service, words),
        "accumulations": accumulations,
        "ticks": axis.ticks(None, words) if axis else (),
        "word_of": lambda state: word_of(state, words),
        "citation": cite(grid.versions, subject or words.text("method.cite_all"), axis, period, words, is_lab=is_lab),
        "reference": sorted((grid.versions.reference or {}).items()),
        "words": words,
        "is_lab": is_lab,
        "service": short(service) if service is not None else None,
        "grid": grid,
        "subject": subject,
        "period": period,
        "upto": _arrival(grid, words),
        "column_width": _length(axis.mark, words) if axis else "",
        "nothing": _nothing(grid, service, words),
        "paragraphs": [
            paragraph(dossier.finding, _strongest(dossier), words)
            for dossier in dossiers
            if dossier.finding.state != "ok"
        ],
        "reachable": [(f.number, sentence(f, words)) for f in shown if f.state == "ok"],
        "overview": overview[: bounds.OVERVIEW_ROWS],
        "overview_left_out": max(0, len(overview) - bounds.OVERVIEW_ROWS),
        "findings_left_out": len(findings) - len(shown),
        "axis": axis,
        "pictures": pictures,
        "pictures_left_out": len(grid.places) - len(pictures),
        "happenings": happenings,
        "happenings_left_out": happenings_left_out,
        "dossiers": dossiers,
        "headings": {finding.number: heading(finding, words) for finding in shown},
        "issuers": read_issuers(session, _leaves(dossiers)),
        "calibration": calibration,
        "calibration_text": _calibration(calibration, words) if calibration else "",
        "counts": {
            state: sum(reading.state == state for reading in grid.targets) for state in ("local", "insufficient")
        },
        "looks": LOOKS,
        "look": LOOK,
        "gaps": GAPS,
        "patterns": PATTERNS,
        "short": short,
        "query": lambda text: visible(text, bounds.QUERY_CHARS),
        "ledger_shown": bounds.LEDGER_UNFOLDED,
        "csv_rows": bounds.CSV_ROWS,
        "shell_service": short(shlex.quote(service)) if service is not None else "",
        "quoted": lambda text: in_words(text, words),
        "in_language": lambda quoted: "" if quoted.is_said else Markup(' lang="en"'),
        "css": (_HERE / "report.css").read_text(encoding="utf-8"),
    }


def _nothing(grid: Grid, service: str | None, words: Catalogue) -> str:
    """Give the sentence that stands for a report without data; empty where there are some."""
    if not grid.targets:
        if service is None:
            return words.text("summary.no_target")
        return words.text("summary.no_target_service", service=short(service))
    return "" if grid.versions.ruleset else words.text("summary.not_analysed")


def _period(axis: Axis | None, words: Catalogue) -> str:
    if axis is None:
        return words.text("page.no_period")
    return words.text("page.period", first=words.moment(axis.first), last=words.moment(axis.last))


def _arrival(grid: Grid, words: Catalogue) -> str:
    last = grid.versions.last_arrival
    return words.text("time.utc", moment=words.moment(last)) if last else words.text("page.none")


def _length(length: timedelta, words: Catalogue) -> str:
    minutes = round(length.total_seconds() / 60)
    if minutes < 120:
        return words.count("count.minutes", minutes)
    return words.count("count.hours", round(minutes / 60))


def _calibration(calibration: Calibration, words: Catalogue) -> str:
    return words.text(
        "method.calibration_text",
        pairs=words.count("count.pair", calibration.pairs),
        vantages=words.count("count.vantage", calibration.vantages),
        discordant=words.number(calibration.discordant),
        mean_e=f"{calibration.mean_e:.2f}",
        max_e=f"{calibration.highest_log10_e:.2f}",
    )


def _strongest(dossier: Dossier) -> PairRow | None:
    """Give the heaviest paired test; one at a helper, which reads no names, before one at the service itself."""
    return min(dossier.pair_rows, key=lambda row: row.peer != Peer.HELPER.value, default=None)


def _leaves(dossiers: Sequence[Dossier]) -> set[str]:
    return {
        step.row.certificates[0]
        for dossier in dossiers
        for witness in dossier.witnesses
        for step in witness.steps
        if step.row.certificates
    }


def _render(context: dict[str, Any]) -> bytes:
    page = _environment().get_template("page.html.jinja").render(context)
    return page.encode("utf-8", errors="backslashreplace")


_MAKERS = {"html": _render, "pdf": render_pdf}


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _file_name(service: str | None, form: str) -> str:
    if service is None:
        return f"nameblind-report.{form}"
    slug = re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-")[:40]
    if slug != service:  # another service may shorten to the same name
        slug = f"{slug}-{hashlib.sha256(service.encode()).hexdigest()[:8]}".strip("-")
    return f"nameblind-report-{slug}.{form}"

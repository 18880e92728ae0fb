"""How to cite a report: plain, BibTeX and JSON-LD, from the facts' own dates and hashes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.report.wording import short

if TYPE_CHECKING:
    from analysis.report.axis import Axis
    from analysis.report.catalogue import Catalogue
    from analysis.report.grid import Versions

_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


@dataclass(frozen=True, slots=True)
class Citation:
    """One reference in three forms."""

    plain: str
    bibtex: str
    json_ld: str


def cite(
    versions: Versions, subject: str, axis: Axis | None, period: str, words: Catalogue, *, is_lab: bool
) -> Citation:
    """Word the reference; a report without facts has none of their dates."""
    unknown = words.text("method.unknown")
    ruleset, facts = short(versions.ruleset) or unknown, short(versions.facts_sha256) or unknown
    title = words.text("method.cite_title", subject=subject, period=period)
    lab = words.text("method.cite_lab") if is_lab else ""
    plain = words.text("method.cite_text", subject=subject, period=period, ruleset=ruleset, facts=facts)
    arrived = versions.last_arrival
    fields = {
        "author": "{Nameblind}",
        "title": "{" + _tex(title) + "}",
        "year": f"{arrived:%Y}" if arrived else None,
        "month": f"{arrived:%m}" if arrived else None,
        "version": "{" + _tex(f"{short(versions.software)}, {ruleset}") + "}",
        "note": "{" + _tex(" ".join(part for part in (lab, f"SHA-256 {facts}") if part)) + "}",
    }
    body = ",\n".join(f"  {name} = {value}" for name, value in fields.items() if value)
    linked = {
        "@context": "https://schema.org",
        "@type": "Report",
        "name": title,
        "inLanguage": words.language,
        "author": {"@type": "SoftwareApplication", "name": "Nameblind", "softwareVersion": short(versions.software)},
        "version": ruleset,
        "identifier": f"sha256:{facts}",
    }
    if arrived:
        linked["datePublished"] = f"{arrived:%Y-%m-%d}"
    if axis:
        linked["temporalCoverage"] = f"{axis.first:%Y-%m-%dT%H:%M:%SZ}/{axis.last:%Y-%m-%dT%H:%M:%SZ}"
    if lab:
        linked["disambiguatingDescription"] = lab
    return Citation(
        plain=f"{plain} {lab}".strip(),
        bibtex=f"@misc{{nameblind-{facts[:12] if versions.facts_sha256 else 'none'},\n{body}\n}}",
        json_ld=json.dumps(linked, ensure_ascii=False, indent=1),
    )


def _tex(text: str) -> str:
    return re.sub(r"[\\~^#$%&_{}]", lambda match: _TEX.get(match[0], "\\" + match[0]), text)

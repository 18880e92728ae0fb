"""The page in a real browser: no error, nothing fetched, no sideways scroll on a telephone, legible, with landmarks."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from analysis.report import catalogue, write_report
from tests.analysis.report.test_page import HOSTILE, analysed, one_cycle, one_vantage
from tests.analysis.report.zhanaozen_2011 import SLOTS, events, measurement_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from probe.store.database import Database
    from probe.store.models import Base

    Build = Callable[[list[Base]], Database]

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # of the rest one example is enough, and saves most of the time
}
WIDE = """[...document.querySelectorAll('body *')].filter(one => {
  if (one.getBoundingClientRect().right <= 361 || one.closest('svg')) return false;
  for (let up = one.parentElement; up; up = up.parentElement)
    if (getComputedStyle(up).overflowX !== 'visible') return false;
  return true;
}).slice(0, 5).map(one => one.parentElement.outerHTML.slice(0, 200))"""
"""What sticks out, for the message of a test that fails."""
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        assert not os.environ.get("CI"), "CI must have a Chromium"
        pytest.skip("needs a Chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def files(zhanaozen: Database, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("pages")
    return {language: write_report(zhanaozen, out / language, language=language) for language in catalogue.languages()}


def opened(browser: Browser, path: Path, viewport: dict[str, int], scheme: str = "light") -> tuple[object, list[str]]:
    troubles: list[str] = []
    page = browser.new_context(viewport=viewport, color_scheme=scheme).new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: troubles.append(request.url) if not request.url.startswith("file:") else None)
    page.on("dialog", lambda dialog: (troubles.append("dialog"), dialog.dismiss()))
    page.goto(path.as_uri())
    return page, troubles


@pytest.mark.parametrize("language", catalogue.languages())
def test_a_telephone_shows_it_without_scrolling_sideways(
    browser: Browser, files: dict[str, Path], language: str
) -> None:
    page, troubles = opened(browser, files[language], PHONE)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.querySelectorAll('svg.strip rect').length") > 100
    assert page.evaluate("document.documentElement.lang") == language
    assert not troubles
    page.context.close()


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("kk", "dark")])
def test_axe_finds_nothing(browser: Browser, files: dict[str, Path], language: str, scheme: str) -> None:
    from axe_playwright_python.base import AXE_FILE_PATH

    page, _ = opened(browser, files[language], DESK, scheme)
    page.evaluate(
        AXE_FILE_PATH.read_text(encoding="utf-8")
    )  # not a script element: the page's own policy forbids those
    found = page.evaluate("rules => axe.run(document, rules)", RULES)
    told = [(one["id"], one["nodes"][0]["html"][:160], len(one["nodes"])) for one in found["violations"]]
    assert not told
    assert {"color-contrast", "landmark-one-main", "page-has-heading-one"} <= {one["id"] for one in found["passes"]}
    page.context.close()


def test_hostile_text_runs_nothing_and_breaks_no_line(browser: Browser, build: Build, tmp_path: Path) -> None:
    rows: list[Base] = [analysed()]
    for number, text in enumerate(HOSTILE):
        vantage, cycle = f"v{number}", f"v{number}-c0"
        rows += [one_vantage(vantage, region=text), one_cycle(vantage)]
        rows += measurement_rows(f"m{number}", cycle, vantage, SLOTS[0], text, text, "target", "blocked", title=text)
    rows += events()
    rows[-1].scope = {"services": list(HOSTILE), "vantages": ["v1"], "networks": list(HOSTILE), "regions": []}
    rows[-1].ledger = [
        {"channel": "A", "kind": text, "log10_lr": 1.0, "witness": [text], "text": text} for text in HOSTILE
    ]
    page, troubles = opened(browser, write_report(build(rows), tmp_path), PHONE)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.querySelectorAll('script, img').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, page.evaluate(WIDE)
    assert not troubles
    page.context.close()

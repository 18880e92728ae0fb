"""The pages in a real browser: no error, no sideways scroll on a telephone, no fault that axe-core finds, live news."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from analysis.dashboard.app import app_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from probe.store.database import Database

PATHS = ("/", "/events", "/vantages", "/vantage/odd", "/vantage/almaty")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; skipped where there is none, unless CI says that it must be there."""
    program = shutil.which("chromium")
    if program is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def address(database: Database) -> Iterator[str]:
    """A dashboard that is served for real."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app_of(database), log_level="error", lifespan="off"))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a telephone's width that fails the test where the browser complains."""
    page = browser.new_page(viewport={"width": 360, "height": 740})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_load_without_a_fault(page: Page, address: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    event = page.request.get(f"{address}/events").text().partition('href="/event/')[2].partition('"')[0]
    for path in (*PATHS, f"/event/{event}"):
        page.goto(address + path)
        found = Axe().run(page)
        assert [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == [], path
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, f"{path} is {width} px wide"


def test_filters_work_by_keyboard_and_stand_in_the_address(page: Page, address: str) -> None:
    page.goto(f"{address}/events")
    page.get_by_label("cause").select_option("damage")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**/events?*cause=damage*")
    assert page.get_by_text("No event under these filters").is_visible()
    page.get_by_role("link", name="All").click()
    assert page.locator("tbody tr").count() > 0


def test_the_picture_is_drawn_and_has_a_name(page: Page, address: str) -> None:
    page.goto(address)
    picture = page.get_by_role("img", name="news: blocked")
    assert picture.locator("rect.s-blocked").count() > 0
    fill = picture.locator("rect.s-blocked").first.evaluate("one => getComputedStyle(one).fill")
    assert fill == "rgb(179, 50, 27)"


def test_no_hostile_name_ran(page: Page, address: str) -> None:
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    for path in PATHS:
        page.goto(address + path)
    assert said == []

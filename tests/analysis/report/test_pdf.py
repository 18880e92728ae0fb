"""The PDF: tagged, archival, with Kazakh letters inside, the same bytes every time, and hostile text inert in it."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader

from analysis.report import catalogue, write_report
from analysis.report.pdf import PRINTABLE, printable
from probe.errors import UserError
from probe.store.models import Event
from tests.analysis.report.test_page import HOSTILE, analysed, one_cycle, one_vantage
from tests.analysis.report.zhanaozen_2011 import SLOTS, measurement_rows, zhanaozen_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probe.store.database import Database
    from probe.store.models import Base

    Build = Callable[[list[Base]], Database]

KAZAKH = "әғқңөұүһіӘҒҚҢӨҰҮҺІ"


def pdf_of(database: Database, out: Path, language: str = "en") -> bytes:
    return write_report(database, out, language=language, form="pdf").read_bytes()


def text_of(content: bytes) -> str:
    pages = (page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return " ".join(" ".join(pages).replace("\u200b", "").split())


@pytest.fixture(scope="session", params=catalogue.languages())
def written(request: pytest.FixtureRequest, zhanaozen: Database, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pdf_of(zhanaozen, tmp_path_factory.mktemp("pdf"), request.param)


def test_it_is_tagged_and_says_which_standards_it_keeps(written: bytes) -> None:
    reader = PdfReader(io.BytesIO(written))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] in catalogue.languages()
    assert "/StructTreeRoot" in root
    metadata = root["/Metadata"].get_data().decode()
    assert "<pdfuaid:part>1<" in metadata
    assert "<pdfaid:part>2<" in metadata
    assert "<pdfaid:conformance>A<" in metadata


def test_it_runs_nothing_and_fetches_nothing(written: bytes) -> None:
    for marker in (b"/JavaScript", b"/JS", b"/Launch", b"/URI", b"/EmbeddedFile", b"/OpenAction"):
        assert marker not in written


def test_its_fonts_are_inside(written: bytes) -> None:
    fonts = [
        font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        for page in PdfReader(io.BytesIO(written)).pages
        for font in page["/Resources"]["/Font"].values()
    ]
    assert fonts
    assert all({"/FontFile2", "/FontFile3"} & set(font) for font in fonts)


def test_the_answer_comes_first_and_the_parts_are_there(zhanaozen: Database, tmp_path: Path) -> None:
    text = text_of(pdf_of(zhanaozen, tmp_path))
    places = [text.index(part) for part in ("The answer", "The whole event", "Summary", "Events", "Method and limits")]
    assert places == sorted(places)
    assert "Twitter was blocked by name, in 14 of 16 rounds" in text
    assert "@misc{nameblind-abababababab" in text


def test_every_letter_that_is_let_through_can_be_set(build: Build, tmp_path: Path) -> None:
    """PDF/UA refuses a file with a letter that its fonts lack: so this fails for one letter too many."""
    letters = "".join(sorted(PRINTABLE - {"\n"}))
    assert set(KAZAKH) <= PRINTABLE
    rows: list[Base] = [one_vantage(), one_cycle(), analysed()]
    for number in range(0, len(letters), 60):
        service = letters[number : number + 60]
        rows += measurement_rows(f"m{number}", "v1-c0", "v1", SLOTS[0], service, f"t{number}", "target", "blocked")
    text = text_of(pdf_of(build(rows), tmp_path))
    assert set(KAZAKH) <= set(text)


@pytest.mark.parametrize("character", ["\u4e2d", "\u05d0", "\u202e", "\U0001f600", "\x1b", "\ue000"])
def test_a_letter_that_the_fonts_lack_is_spelt_out(character: str) -> None:
    assert printable(f"a{character}b") == f"a<U+{ord(character):04X}>b"


@pytest.mark.parametrize(
    "text", [*HOSTILE, '#eval("1") $x$ *b* _e_ @ref <l> \\u{202e} #panic()', "\u4e2d\u6587 \u202e"]
)
def test_hostile_text_is_inert_wherever_it_stands(build: Build, tmp_path: Path, text: str) -> None:
    rows: list[Base] = [one_vantage(region=text), one_cycle(), analysed()]
    rows += measurement_rows("m0", "v1-c0", "v1", SLOTS[0], text, text, "target", "blocked", title=text)
    rows += [row for row in zhanaozen_rows() if isinstance(row, Event)]
    rows[-1].scope = {"services": [text], "vantages": [text], "networks": [text], "regions": [text]}
    rows[-1].ledger = [{"channel": text, "kind": text, "log10_lr": 1.0, "witness": [text], "text": text}]
    rows[-1].mechanisms = [text]
    rows[-1].would_change = [text]
    content = pdf_of(build(rows), tmp_path)
    assert len(content) < 400_000
    shown = text_of(content)
    assert not set(shown) & {chr(0x202E), chr(0x2066), chr(0x200F), chr(0x1B), chr(0x07)}
    if text.startswith("#eval"):
        assert '#eval("1") $x$ *b* _e_ @ref <l>' in shown


def test_the_same_database_gives_the_same_bytes(build: Build, tmp_path: Path) -> None:
    first = pdf_of(build(zhanaozen_rows()), tmp_path / "a", "kk")
    assert first == pdf_of(build(list(reversed(zhanaozen_rows()))), tmp_path / "b", "kk")


def test_without_the_typesetter_one_sentence_says_what_to_do(
    zhanaozen: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UserError, match=r"pip install 'nameblind\[report\]'.*--format html"):
        write_report(zhanaozen, tmp_path, form="pdf")
    assert not list(tmp_path.iterdir())

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.steps.http_body import decode, title_of


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    [
        (b"<TITLE>One</TITLE>", "", "One"),
        (b"<title lang=kk>\n a\t b </title>", "", "a b"),
        (b"<title>&lt;script&gt; &amp; co</title>", "", "<script> & co"),
        ("<title>Сайт заблокирован</title>".encode("cp1251"), "text/html; charset=windows-1251", "Сайт заблокирован"),
        ("<meta charset=koi8-r><title>Нет</title>".encode("koi8-r"), "text/html", "Нет"),
        ("<title>Қазақ</title>".encode(), "text/html", "Қазақ"),
        (b"<title>a\xff</title>", "text/html; charset=unicode_escape", "a\N{REPLACEMENT CHARACTER}"),
        ("<title>a\u202eb\x1b[31m\x00</title>".encode(), "", "ab[31m"),
        (b"<title></title>", "", None),
        (b"<title>", "", None),
        (b"<title", "", None),
        (b"no page", "", None),
    ],
)
def test_a_title_is_one_line_of_visible_text(body: bytes, content_type: str, title: str | None) -> None:
    assert title_of(body, content_type, 200) == title


def test_a_long_title_is_cut() -> None:
    assert title_of(b"<title>" + b"x" * 100_000, "", 200) == "x" * 200


@pytest.mark.parametrize(
    "body", [b"<title" * 43_000, b"<title>" + b"</titl" * 43_000, b"<title>" + b"&#x" * 87_000, b"charset" * 37_000]
)
def test_no_page_makes_the_search_slow(body: bytes) -> None:
    began = time.process_time()
    title_of(body, "", 200)
    assert time.process_time() - began < 0.1


@given(st.binary(max_size=400), st.text(max_size=40))
def test_any_page_has_a_visible_title_or_none(body: bytes, content_type: str) -> None:
    for page in (body, b"<title>" + body):
        title = title_of(page, content_type, 50)
        assert title is None or (0 < len(title) <= 50 and "\n" not in title and "\x1b" not in title)


@given(st.binary(max_size=400), st.sampled_from(["gzip", "deflate", " GZIP ", "br", "gzip, gzip", ""]))
def test_any_body_decodes_within_the_limit_or_stays_as_it_is(body: bytes, encoding: bytes) -> None:
    decoded, _ = decode(body, encoding, 100)
    assert decoded == body or len(decoded) <= 100

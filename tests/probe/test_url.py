from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.net import SystemNet
from probe.url import redirect_target

HERE = "http://x.example/directory/page?q=1"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/a", "http://x.example/a"),
        ("b", "http://x.example/directory/b"),
        ("?r=2", "http://x.example/directory/page?r=2"),
        ("../c#part", "http://x.example/c"),
        ("//Other.Example", "http://other.example/"),
        ("HTTPS://other.example:443/a?b", "https://other.example/a?b"),
        ("http://other.example:8080/", "http://other.example:8080/"),
        ("https://name:secret@other.example/", "https://other.example/"),
        ("http://x.example@evil.example/", "http://evil.example/"),
        ("http://other.example./", "http://other.example/"),
        ("http://пример.испытание/ы", "http://xn--e1afmkfd.xn--80akhbyknj4f/%D1%8B"),
        ("http:\\\\other.example\\a?b\\c", "http://other.example/a?b\\c"),
        (" /a b ", "http://x.example/a%20b"),
        ("http://[2606:4700:0::1111]/", "http://[2606:4700::1111]/"),
        ("http://[2606:4700::1111]:81/", "http://[2606:4700::1111]:81/"),
        ("http://a_b.example/", "http://a_b.example/"),
    ],
)
def test_a_target_has_one_spelling(location: str, target: str) -> None:
    assert redirect_target(HERE, location) == target


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1./",
        "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
        "http://127\u30020\u30020\u30021/",
        "http://%31%32%37.0.0.1/",
        "http://user@127.0.0.1:80/",
    ],
)
def test_loopback_in_any_spelling_is_seen_as_loopback(location: str) -> None:
    target = redirect_target(HERE, location)
    assert target == "http://127.0.0.1/"
    assert not SystemNet().may_dial(urlsplit(target).hostname)


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ftp://x.example/",
        "data:text/html,x",
        "gopher://x.example/",
        "http://[::1",
        "http://[v1.x]/",
        "http://[fe80::1%25eth0]/",
        "http://x..example/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "example/",
        "http://256.1.1.1/",
        "http://1.2.3.4.5/",
        "http://09.1.1.1/",
        "http://x.1/",
        "http://x.example:0/",
        "http://x.example:99999/",
        "http://x.example:port/",
        "http://x.ex%00ample/",
        "http://x.ex ample/",
        "http://%ff.example/",
        "/a\x00b",
        "/a\r\nHost: evil.example",
        "/" + "a" * 5000,
        "https://",
    ],
)
def test_what_cannot_be_read_with_certainty_is_refused(location: str) -> None:
    assert redirect_target(HERE, location) is None


@given(st.text(max_size=60), st.sampled_from(["", "http://", "//", "https://[", "http:\\\\", "http://0x"]))
def test_a_target_is_plain_ascii_with_a_host_and_stays_as_it_is_when_read_again(text: str, prefix: str) -> None:
    target = redirect_target(HERE, prefix + text)
    if target is not None:
        parts = urlsplit(target)
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert parts.username is None
        assert target.isascii()
        assert redirect_target(HERE, target) == target

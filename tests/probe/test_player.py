"""What a watch page says of its video: taken only where it is whole, bounded and about the video that was asked for."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.player import DEPTH, JSON_BYTES, Reader, is_under, player_json, read_player

VIDEO = "y4De4CSEvAU"


def page(player: Any, before: str = "<script>", after: str = ";</script></html>") -> bytes:
    written = player if isinstance(player, str) else json.dumps(player, ensure_ascii=False)
    return f"<!DOCTYPE html><html>{before}var ytInitialPlayerResponse = {written}{after}".encode()


def playing(**extra: Any) -> dict[str, Any]:
    return {"playabilityStatus": {"status": "OK"}, "videoDetails": {"videoId": VIDEO}, **extra}


def test_a_playing_video_is_read_with_its_countries_its_thumbnail_and_its_film() -> None:
    film = "https://rr1---sn-x.googlevideo.com/videoplayback?id=1&ip=192.0.2.1"
    read = read_player(
        page(
            {
                "playabilityStatus": {"status": "OK"},
                "videoDetails": {
                    "videoId": VIDEO,
                    "thumbnail": {"thumbnails": [{"url": "https://i.ytimg.com/vi/x/default.jpg"}]},
                },
                "microformat": {"playerMicroformatRenderer": {"availableCountries": ["KZ", "DE", "KZ"]}},
                "streamingData": {"adaptiveFormats": [{"itag": 1}, {"url": film}]},
            }
        ),
        VIDEO,
    )
    assert read is not None
    assert (read.status, read.reason, read.countries) == ("OK", None, ("DE", "KZ"))
    assert (read.thumbnail_url, read.media_url) == ("https://i.ytimg.com/vi/x/default.jpg", film)


@pytest.mark.parametrize(
    ("playability", "status", "reason"),
    [
        ({"status": "ERROR", "reason": "Video unavailable"}, "ERROR", "Video unavailable"),
        (
            {"status": "LOGIN_REQUIRED", "messages": ["This is a private video."]},
            "LOGIN_REQUIRED",
            "This is a private video.",
        ),
        ({"status": "UNPLAYABLE", "reason": "a\u202e\x1b[31m\n b"}, "UNPLAYABLE", "a[31m b"),
        ({"status": "UNPLAYABLE", "reason": "You at 192.0.2.1"}, "UNPLAYABLE", "You at […]"),
        ({"status": "UNPLAYABLE", "reason": "x" * 9000}, "UNPLAYABLE", "x" * 200),
        ({"status": "CONTENT_CHECK_REQUIRED", "reason": ["no text"]}, "CONTENT_CHECK_REQUIRED", None),
    ],
)
def test_a_refusal_is_read_with_its_reason_on_one_bounded_line(
    playability: dict[str, Any], status: str, reason: str | None
) -> None:
    read = read_player(page({"playabilityStatus": playability}), VIDEO)
    assert read is not None
    assert (read.status, read.reason) == (status, reason)


DEEP = '{"a":' * (DEPTH + 1) + "1" + "}" * (DEPTH + 1)


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"ytInitialPlayerResponse", id="no object"),
        pytest.param(page(playing())[:-30], id="cut off"),
        pytest.param(page(playing(videoDetails={"videoId": "another0001"})), id="another video"),
        pytest.param(page(playing(deep=json.loads(DEEP))), id="too deep"),
        pytest.param(page('{"playabilityStatus":' + "[" * 500_000), id="deep and endless"),
        pytest.param(page(playing(long="x" * JSON_BYTES)), id="too long"),
        pytest.param(page('{"playabilityStatus":{"status":"OK","status":"ERROR"}}'), id="a key twice"),
        pytest.param(page('{"playabilityStatus":{"status":"OK","x":NaN}}'), id="no number"),
        pytest.param(page('{"playabilityStatus":{"status":"OK","x":Infinity}}'), id="endless number"),
        pytest.param(page('{"playabilityStatus":{"status":"OK","x":' + "9" * 5000 + "}}"), id="long number"),
        pytest.param(page('{"playabilityStatus":{"status":"<script>"}}'), id="no status"),
        pytest.param(page('{"playabilityStatus":"OK"}'), id="no playability"),
        pytest.param(page('{"playabilityStatus":{"status":"OK"}'), id="not whole"),
    ],
)
def test_a_page_that_is_not_whole_bounded_and_of_this_video_is_not_read(hostile: bytes) -> None:
    assert read_player(hostile, VIDEO) is None


@pytest.mark.parametrize("listed", [["KZ", "<b>"], ["KZ", 7], "KZ", [], ["kz"], ["KZ"] * 301])
def test_countries_are_two_letters_each_or_none(listed: object) -> None:
    read = read_player(page(playing(microformat={"playerMicroformatRenderer": {"availableCountries": listed}})), VIDEO)
    assert read is not None
    assert read.countries is None


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "https://user@googlevideo.com/",
        "https://googlevideo.com:22/",
        "https://[::1]/",
        "https://x.googlevideo.com/\n",
        "//googlevideo.com/",
        7,
    ],
)
def test_a_film_is_fetched_from_a_usual_url_alone(url: object) -> None:
    read = read_player(page(playing(streamingData={"formats": [{"url": url}]})), VIDEO)
    assert read is not None
    assert read.media_url is None


def test_a_signed_film_and_one_that_the_server_names_are_found() -> None:
    signed = playing(streamingData={"formats": [{"signatureCipher": "s=1&url=https%3A%2F%2Fa.googlevideo.com%2Fx"}]})
    named = playing(streamingData={"serverAbrStreamingUrl": "https://b.googlevideo.com/y"})
    assert [read_player(page(each), VIDEO).media_url for each in (signed, named)] == [  # type: ignore[union-attr] - both are read
        "https://a.googlevideo.com/x",
        "https://b.googlevideo.com/y",
    ]


def test_braces_and_quotes_in_texts_do_not_end_the_object() -> None:
    title = 'a } { ] [ " \\ </script>'
    found = player_json(page(playing(title=title)))
    assert found is not None
    assert json.loads(found)["title"] == title


@pytest.mark.parametrize("is_packed", [False, True])
def test_the_reader_stops_once_the_players_words_are_whole(*, is_packed: bool) -> None:
    written = page(playing(), before="<style>" + "x" * 50_000 + "</style><script>") + b"y" * 400_000
    sent = gzip.compress(written, 0) if is_packed else written
    reader = Reader(1_500_000)
    pieces = [sent[place : place + 10_000] for place in range(0, len(sent), 10_000)]
    taken = next(number for number, piece in enumerate(pieces, 1) if reader(piece))
    assert 6 <= taken <= 10


def test_the_reader_ends_at_its_limit_whatever_a_packed_page_grows_to() -> None:
    reader = Reader(100_000)
    bomb = gzip.compress(bytes(20_000_000))
    assert reader(bomb)
    assert len(reader._page) == 100_000


@pytest.mark.parametrize("piece", [b'"', b'\\"', b"{", b"}", b"[{", b"ytInitialPlayerResponse = {"])
def test_no_page_makes_the_search_slow(piece: bytes) -> None:
    hostile = b"ytInitialPlayerResponse = {" + piece * (100_000 // len(piece)) + b"\\"
    began = time.process_time()
    assert read_player(hostile, VIDEO) is None
    assert time.process_time() - began < 0.3


@given(st.binary(max_size=300))
def test_any_bytes_in_the_players_place_are_read_or_not(noise: bytes) -> None:
    whole = page(playing())
    place = whole.index(b"{")
    read = read_player(whole[:place] + noise + whole[place:], VIDEO)
    assert read is None or read.status == "OK"


def test_a_host_is_under_a_domain_and_not_merely_spelled_like_it() -> None:
    assert is_under("rr1.googlevideo.com", ("googlevideo.com",))
    assert not is_under("evilgooglevideo.com", ("googlevideo.com",))
    assert not is_under("googlevideo.com.example", ("googlevideo.com",))

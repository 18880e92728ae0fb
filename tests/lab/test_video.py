"""The video platform's endpoints: what a playable, an unknown and a malformed video give, and pictures that decode."""

from __future__ import annotations

import json
import struct
from html.parser import HTMLParser
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.dissect import RequestHead
from lab.servers.http import Answer, Client
from lab.servers.jpeg import mosaic
from lab.servers.playability import video_asked
from lab.servers.web import Web
from lab.site_file import sites
from probe.schedule.yaml_reader import parse

SITES = parse(
    b"""
- names: [video.example, www.video.example]
  addresses: [142.250.1.1]
  title: Video
  videos: {sq4re000001: "The </script> square & more", kitten00001: {title: A kitten, bytes: 3000}}
  thumbnail_host: thumbs.example
  media_host: media.example
- {names: [thumbs.example], addresses: [142.250.2.1], title: Thumbnails}
- {names: [media.example], addresses: [142.250.3.1], title: Media}
- {names: [news.example], addresses: [142.250.4.1], title: News}
""",
    "sites.yaml",
    sites,
)
RESPOND = Web(SITES).respond_with(SITES, is_secure=True)
CLIENT = Client(ip_address("88.99.1.10"), "DE", "frankfurt", 0.5)


def get(host: str, path: str) -> Answer:
    return RESPOND(RequestHead(method="GET", path=path, host=host), b"", CLIENT)


class _Page(HTMLParser):
    """The title of a page and its scripts, as a browser's parser would cut them."""

    def __init__(self, written: bytes) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self._within = ""
        self.feed(written.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag

    def handle_data(self, data: str) -> None:
        self.texts[self._within] = self.texts.get(self._within, "") + data


def watched(video: str) -> tuple[str, dict[str, Any]]:
    """The title of a watch page and its player's JSON."""
    answer = get("www.video.example", f"/watch?v={video}")
    assert answer.status == 200
    texts = _Page(answer.body).texts
    player: dict[str, Any] = json.loads(
        texts["script"].partition("ytInitialPlayerResponse = ")[2].rstrip().removesuffix(";")
    )
    return texts["title"], player


def test_a_watch_page_names_its_video_and_a_title_cannot_break_out_of_the_page() -> None:
    title, player = watched("sq4re000001")
    assert title == "The </script> square & more - Video"
    assert player["playabilityStatus"]["status"] == "OK"
    assert player["videoDetails"]["title"] == "The </script> square & more"
    assert player["videoDetails"]["videoId"] == "sq4re000001"
    assert len(player["microformat"]["playerMicroformatRenderer"]["availableCountries"]) == 249


@pytest.mark.parametrize("video", ["nobody00001", "short", ""])
def test_a_video_that_never_was_is_an_error_with_status_200_and_without_a_name(video: str) -> None:
    title, player = watched(video)
    assert title == " - Video"
    assert player["playabilityStatus"]["status"] == "ERROR"
    assert "videoDetails" not in player
    assert "streamingData" not in player


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("url=https%3A%2F%2Fwww.video.example%2Fwatch%3Fv%3Dkitten00001&format=json", 200),
        ("url=https://video.example/watch?v=kitten00001", 200),
        ("url=https://video.example/watch?v=nobody00001&format=json", 404),
        ("url=https://video.example/watch?v=short&format=json", 400),
        ("url=https://video.example/&format=json", 400),
        ("url=https://[&format=json", 400),
        ("format=json", 400),
        ("url=https://video.example/watch?v=kitten00001&format=xml", 501),
    ],
)
def test_oembed_says_by_its_status_whether_there_is_such_a_video(query: str, status: int) -> None:
    answer = get("video.example", f"/oembed?{query}")
    assert answer.status == status
    if status == 200:
        described = json.loads(answer.body)
        assert described["title"] == "A kitten"
        assert described["type"] == "video"
        assert described["thumbnail_url"] == "https://thumbs.example/vi/kitten00001/default.jpg"


def test_the_player_leads_to_media_of_the_length_that_it_says() -> None:
    _, player = watched("kitten00001")
    (form,) = player["streamingData"]["formats"]
    assert form["url"].startswith("https://media.example/videoplayback?id=kitten00001")
    media = get("media.example", form["url"].removeprefix("https://media.example"))
    assert media.status == 200
    assert len(media.body) == int(form["contentLength"]) == 3000


def test_ranges_of_the_media_join_to_the_whole() -> None:
    whole = get("media.example", "/videoplayback?id=kitten00001").body
    parts = [get("media.example", f"/videoplayback?id=kitten00001&range={r}").body for r in ("0-999", "1000-2999")]
    assert len(parts[0]) == 1000
    assert b"".join(parts) == whole
    for beyond in ("0-3000", "5-4", "-5", "x"):
        assert get("media.example", f"/videoplayback?id=kitten00001&range={beyond}").status == 416


def test_media_of_no_video_is_forbidden() -> None:
    assert get("media.example", "/videoplayback?id=nobody00001").status == 403
    assert get("media.example", "/videoplayback").status == 403


def test_endpoints_live_at_their_own_hosts_alone() -> None:
    assert b"<title>Media</title>" in get("media.example", "/watch?v=kitten00001").body
    assert b"<title>News</title>" in get("news.example", "/watch?v=kitten00001").body
    assert b"<title>Video</title>" in get("video.example", "/vi/kitten00001/default.jpg").body


def test_a_thumbnail_is_a_picture_of_its_own_and_an_unknown_one_is_grey_and_404() -> None:
    pictures = [get("thumbs.example", f"/vi/{video}/default.jpg") for video in ("kitten00001", "sq4re000001")]
    assert {picture.status for picture in pictures} == {200}
    assert {picture.content_type for picture in pictures} == {"image/jpeg"}
    decoded = [decode(picture.body) for picture in pictures]
    assert decoded[0] != decoded[1]
    unknown = get("thumbs.example", "/vi/nobody00001/default.jpg")
    assert unknown.status == 404
    width, height, levels = decode(unknown.body)
    assert (width, height) == (120, 90)
    assert set(levels) == {128}


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_a_mosaic_decodes_to_its_levels(columns: int, rows: int, data: st.DataObject) -> None:
    levels = data.draw(st.lists(st.integers(0, 255), min_size=columns * rows, max_size=columns * rows))
    width, height, decoded = decode(mosaic(columns * 8, rows * 8, levels))
    assert (width, height) == (columns * 8, rows * 8)
    assert len(decoded) == len(levels)
    assert all(abs(one - other) <= 2 for one, other in zip(decoded, levels, strict=True))


@given(st.sampled_from(["video.example", "thumbs.example", "media.example"]), st.text(max_size=60))
def test_no_request_breaks_the_platform(host: str, path: str) -> None:
    for written in (
        path,
        f"/watch?v={path}",
        f"/oembed?url={path}",
        f"/vi/{path}",
        f"/videoplayback?id=kitten00001&range={path}",
    ):
        head = RequestHead(method="GET", path=written, host=host)
        assert video_asked(head) is None or isinstance(video_asked(head), str)
        assert RESPOND(head, b"", CLIENT).status in {200, 400, 403, 404, 416, 501}


def decode(picture: bytes) -> tuple[int, int, list[int]]:
    """Read a baseline JPEG of one component, as ITU-T T.81 has it, without detail: width, height, mean of each square.

    A reader of its own, with Huffman tables built from whatever the file says.
    """
    assert picture[:2] == b"\xff\xd8"
    assert picture[-2:] == b"\xff\xd9"
    at, tables, step, size = 2, {}, 0, (0, 0)
    while picture[at + 1] != 0xDA:
        marker, length = picture[at + 1], struct.unpack_from("!H", picture, at + 2)[0]
        content = picture[at + 4 : at + 2 + length]
        if marker == 0xDB:
            assert len(content) == 65
            step = content[1]
        elif marker == 0xC0:
            precision, height, width, components = struct.unpack_from("!BHHB", content)
            assert (precision, components) == (8, 1)
            size = (width, height)
        elif marker == 0xC4:
            tables[content[0] >> 4] = _huffman(content[1:17], content[17:])
        at += 2 + length
    at += 2 + struct.unpack_from("!H", picture, at + 2)[0]
    bits = "".join(f"{byte:08b}" for byte in picture[at:-2].replace(b"\xff\x00", b"\xff"))
    position, mean, levels = 0, 0, []
    for _ in range(-(-size[0] // 8) * -(-size[1] // 8)):
        category, position = _symbol(tables[0], bits, position)
        if category:
            raw = int(bits[position : position + category], 2)
            mean += raw if raw >> category - 1 else raw - (1 << category) + 1
            position += category
        detail, position = _symbol(tables[1], bits, position)
        assert detail == 0, "the end of the square"
        levels.append(min(255, max(0, 128 + mean * step // 8)))
    assert set(bits[position:]) <= {"1"}
    assert len(bits) - position < 8
    return *size, levels


def _huffman(counts: bytes, symbols: bytes) -> dict[str, int]:
    table: dict[str, int] = {}
    code, found = 0, iter(symbols)
    for length, count in enumerate(counts, start=1):
        for _ in range(count):
            table[f"{code:0{length}b}"] = next(found)
            code += 1
        code <<= 1
    assert not any(set(code) == {"1"} for code in table), "a code of ones alone is not permitted"
    return table


def _symbol(table: dict[str, int], bits: str, position: int) -> tuple[int, int]:
    for end in range(position + 1, position + 17):
        if bits[position:end] in table:
            return table[bits[position:end]], end
    raise AssertionError("no such code")

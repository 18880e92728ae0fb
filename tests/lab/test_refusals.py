"""Each kind of refusal through the web server that it stands in: whom it concerns, and what is said instead."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import pytest

from lab import refusals
from lab.dissect import RequestHead
from lab.refusal import Refusal, videos_missing
from lab.registry import kinds
from lab.servers.http import Answer, Client
from lab.servers.web import Web
from lab.site_file import sites
from probe.errors import UserError
from probe.schedule.yaml_reader import parse

SITES = parse(
    b"""
- {names: [news.example, www.news.example], addresses: [45.60.1.1], title: News}
- {names: [paper.example], addresses: [45.60.1.1], title: Paper}
- names: [video.example]
  addresses: [45.60.1.1]
  title: Video
  videos: {sq4re000001: The square, kitten00001: A kitten}
  thumbnail_host: thumbs.example
  media_host: media.example
- {names: [thumbs.example], addresses: [45.60.1.1], title: Thumbnails}
- {names: [media.example], addresses: [45.60.1.1], title: Media}
""",
    "sites.yaml",
    sites,
)
SQUARE, KITTEN = "sq4re000001", "kitten00001"


def visitor(country: str | None = "KZ", network: str | None = "inside-a", draw: float = 0.5) -> Client:
    return Client(ip_address("2.72.1.10"), country, network, draw)


def refusal_of(kind: str, written: str = "{}") -> Refusal:
    made: Refusal = parse(written.encode(), "test.yaml", kinds(refusals)[kind].record)
    return made


@dataclass
class Visit:
    """A web in which one site refuses, and ways to visit it."""

    refusing: dict[str, list[Refusal]]
    web: Web = field(default_factory=lambda: Web(SITES))

    def get(self, host: str, path: str = "/", client: Client | None = None) -> Answer:
        self.web.refusals = self.refusing
        head = RequestHead(method="GET", path=path, host=host)
        return self.web.respond_with(SITES, is_secure=True)(head, b"", client or visitor())

    def player(self, video: str, client: Client | None = None) -> dict[str, Any]:
        answer = self.get("video.example", f"/watch?v={video}", client)
        assert answer.status == 200
        script = answer.body.partition(b"var ytInitialPlayerResponse = ")[2].partition(b";</script>")[0]
        found: dict[str, Any] = json.loads(script)
        return found

    def statuses(self, video: str, client: Client | None = None) -> dict[str, int]:
        """What the light endpoints say of a video."""
        watched = f"https://video.example/watch?v={video}"
        return {
            "oembed": self.get("video.example", f"/oembed?url={watched}&format=json", client).status,
            "thumbnail": self.get("thumbs.example", f"/vi/{video}/default.jpg", client).status,
            "media": self.get("media.example", f"/videoplayback?id={video}", client).status,
        }


@pytest.mark.parametrize("status", [403, 451])
def test_a_country_is_refused_on_every_page_and_name_of_the_site_and_nobody_else_is(status: int) -> None:
    written = f"{{countries: [KZ, RU], status: {status}, title: Not for you}}"
    visit = Visit({"news.example": [refusal_of("refuse-country", written)]})
    for host in ("news.example", "www.news.example"):
        for path in ("/", "/any?thing"):
            refused = visit.get(host, path)
            assert refused.status == status
            assert b"<title>Not for you</title>" in refused.body
    for client in (visitor("DE"), visitor(None)):
        assert b"<title>News</title>" in visit.get("news.example", client=client).body
    assert b"<title>Paper</title>" in visit.get("paper.example").body


@pytest.mark.parametrize("status", [200, 403])
def test_a_captcha_is_shown_to_its_share_of_connections(status: int) -> None:
    visit = Visit({"news.example": [refusal_of("captcha", f"{{share: 0.3, status: {status}}}")]})
    challenged = visit.get("news.example", client=visitor(draw=0.29))
    assert challenged.status == status
    assert b"challenge-form" in challenged.body
    assert b"challenge-form" not in visit.get("news.example", client=visitor(draw=0.3)).body


def test_a_captcha_can_be_for_networks_alone() -> None:
    visit = Visit({"news.example": [refusal_of("captcha", "networks: [inside-a]")]})
    assert visit.get("news.example", client=visitor(network="inside-a")).status == 403
    assert visit.get("news.example", client=visitor(network="inside-b")).status == 200


def test_a_server_error_has_the_status_that_the_file_says() -> None:
    assert Visit({"news.example": [refusal_of("server-error")]}).get("news.example").status == 503
    odd = Visit({"news.example": [refusal_of("server-error", "status: 522")]}).get("news.example")
    assert odd.encode().startswith(b"HTTP/1.1 522 ")


def test_a_withheld_video_is_unplayable_there_and_its_list_of_countries_lacks_them_everywhere() -> None:
    written = f"{{videos: [{SQUARE}], countries: [KZ]}}"
    visit = Visit({"video.example": [refusal_of("video-withheld", written)]})
    inside, outside = visit.player(SQUARE), visit.player(SQUARE, visitor("DE"))
    assert inside["playabilityStatus"]["status"] == "UNPLAYABLE"
    assert "not available in your country" in inside["playabilityStatus"]["reason"]
    assert inside["videoDetails"]["title"] == "The square"
    assert outside["playabilityStatus"]["status"] == "OK"
    for seen in (inside, outside):
        available = seen["microformat"]["playerMicroformatRenderer"]["availableCountries"]
        assert "KZ" not in available
        assert "DE" in available
    assert visit.statuses(SQUARE) == {"oembed": 200, "thumbnail": 200, "media": 403}
    assert visit.statuses(SQUARE, visitor("DE")) == {"oembed": 200, "thumbnail": 200, "media": 200}


def test_withholding_one_video_leaves_the_control_video_alone() -> None:
    written = f"{{videos: [{SQUARE}], countries: [KZ]}}"
    visit = Visit({"video.example": [refusal_of("video-withheld", written)]})
    control = visit.player(KITTEN)
    assert control["playabilityStatus"]["status"] == "OK"
    assert "KZ" in control["microformat"]["playerMicroformatRenderer"]["availableCountries"]


def test_countries_withheld_by_several_orders_are_all_missing() -> None:
    orders = [
        refusal_of("video-withheld", f"{{videos: [{SQUARE}], countries: [{country}]}}") for country in ("KZ", "RU")
    ]
    seen = Visit({"video.example": orders}).player(SQUARE, visitor("RU"))
    assert seen["playabilityStatus"]["status"] == "UNPLAYABLE"
    available = seen["microformat"]["playerMicroformatRenderer"]["availableCountries"]
    assert not {"KZ", "RU"} & set(available)


def test_a_removed_video_is_gone_at_every_endpoint_and_for_everybody() -> None:
    visit = Visit({"video.example": [refusal_of("video-removed", f"videos: [{SQUARE}]")]})
    for client in (visitor(), visitor("DE")):
        seen = visit.player(SQUARE, client)
        assert seen["playabilityStatus"]["status"] == "ERROR"
        assert "videoDetails" not in seen
        assert visit.statuses(SQUARE, client) == {"oembed": 404, "thumbnail": 404, "media": 403}
        assert visit.statuses(KITTEN, client) == {"oembed": 200, "thumbnail": 200, "media": 200}


@pytest.mark.parametrize("status", [401, 403])
def test_a_private_video_asks_to_sign_in_and_its_oembed_refuses(status: int) -> None:
    written = f"{{videos: [{SQUARE}], oembed_status: {status}}}"
    visit = Visit({"video.example": [refusal_of("video-private", written)]})
    seen = visit.player(SQUARE)
    assert seen["playabilityStatus"]["status"] == "LOGIN_REQUIRED"
    assert "private video" in seen["playabilityStatus"]["reason"].lower()
    assert "videoDetails" not in seen
    assert visit.statuses(SQUARE) == {"oembed": status, "thumbnail": 404, "media": 403}
    assert visit.player(KITTEN)["playabilityStatus"]["status"] == "OK"


def test_a_demand_to_sign_in_is_for_every_video_and_not_for_oembed() -> None:
    visit = Visit({"video.example": [refusal_of("sign-in-demanded", "networks: [inside-a]")]})
    for video in (SQUARE, KITTEN):
        seen = visit.player(video)
        assert seen["playabilityStatus"]["status"] == "LOGIN_REQUIRED"
        assert seen["playabilityStatus"]["reason"].endswith("not a bot")
        assert "videoDetails" not in seen
        assert visit.statuses(video) == {"oembed": 200, "thumbnail": 200, "media": 403}
    assert visit.player(SQUARE, visitor(network="inside-b"))["playabilityStatus"]["status"] == "OK"
    assert b"<title>Video</title>" in visit.get("video.example").body


def test_a_failing_platform_still_serves_thumbnails_from_their_own_host() -> None:
    visit = Visit({"video.example": [refusal_of("server-error")]})
    assert visit.statuses(SQUARE) == {"oembed": 503, "thumbnail": 200, "media": 200}
    alone = Visit({"media.example": [refusal_of("server-error")]})
    assert alone.statuses(SQUARE) == {"oembed": 200, "thumbnail": 200, "media": 503}


def test_a_refusal_of_videos_that_the_site_lacks_is_found() -> None:
    platform = next(site for site in SITES if site.videos)
    refusal = refusal_of("video-removed", f"videos: [{SQUARE}, nobody00001]")
    assert videos_missing(refusal, platform) == ["nobody00001"]
    assert videos_missing(refusal, SITES[0]) == [SQUARE, "nobody00001"]
    assert not videos_missing(refusal_of("server-error"), SITES[0])


@pytest.mark.parametrize(
    ("kind", "written", "key"),
    [
        ("refuse-country", "{}", "countries"),
        ("refuse-country", "{countries: [Kazakhstan]}", "countries"),
        ("refuse-country", "{countries: [KZ], status: 404}", "status"),
        ("captcha", "{share: 1.5}", "share"),
        ("server-error", "{status: 404}", "status"),
        ("video-withheld", f"{{videos: [{SQUARE}]}}", "countries"),
        ("video-removed", "{videos: [short]}", "videos"),
        ("sign-in-demanded", f"{{videos: [{SQUARE}]}}", "videos"),
    ],
)
def test_a_refusal_that_does_not_fit_is_itself_refused(kind: str, written: str, key: str) -> None:
    with pytest.raises(UserError, match=rf"key '{key}"):
        refusal_of(kind, written)

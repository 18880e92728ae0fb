"""Sites read from YAML: what may stand there, and what is refused with its line."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from lab.site_file import sites
from probe.errors import UserError
from probe.schedule.yaml_reader import parse

PLATFORM = """
- names: [video.example]
  addresses: [142.250.1.1]
  title: Video
  videos: {sq4re000001: The square, kitten00001: {title: A kitten, bytes: 2000}}
  thumbnail_host: thumbs.example
  media_host: media.example
- {names: [thumbs.example, media.example], addresses: [142.250.2.1], title: Files}
"""


def test_a_video_is_a_title_or_a_title_with_the_size_of_its_media() -> None:
    platform, _ = parse(PLATFORM.encode(), "test.yaml", sites)
    assert platform.videos["sq4re000001"].title == "The square"
    assert platform.videos["kitten00001"].size_bytes == 2000


def test_a_site_is_served_at_the_addresses_of_every_country() -> None:
    written = "[{names: [a.example], addresses: [45.60.1.1], title: A, by_country: {KZ: [2.72.0.9, 45.60.1.1]}}]"
    (site,) = parse(written.encode(), "test.yaml", sites)
    assert site.everywhere == (ip_address("45.60.1.1"), ip_address("2.72.0.9"))


@pytest.mark.parametrize(
    ("written", "key", "reason"),
    [
        (PLATFORM.replace("media.example]", "medium.example]"), "media_host", "a name of one of the sites"),
        (PLATFORM.replace("thumbs.example, ", "video.example, "), "names", "names that no other site has"),
        (PLATFORM.replace("  media_host: media.example\n", ""), "media_host", "where there are videos"),
        (
            "[{names: [a.example], addresses: [45.60.1.1], title: A, media_host: a.example}]",
            "media_host",
            "nowhere else",
        ),
        (PLATFORM.replace("sq4re000001", "sq4re"), "sq4re", "11 characters"),
        (PLATFORM.replace("bytes: 2000", "bytes: 5000001"), "bytes", "from 1 to 5000000"),
        ("[{names: [a.example], addresses: [45.60.1.1], title: A, https: false, http3: true}]", "http3", "https where"),
        ("[{names: [a.example], addresses: [45.60.1.1], title: A, by_country: {kz: [2.72.0.9]}}]", "kz", "two capital"),
        (
            "[{names: [a.example], addresses: [45.60.1.1], title: A, pages: {/: {title: B, status: 302}}}]",
            "location",
            "where the status is a redirect",
        ),
        (
            "[{names: [a.example], addresses: [45.60.1.1], title: A, pages: {/: {title: B, location: /b}}}]",
            "location",
            "nowhere else",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_key_and_the_reason(written: str, key: str, reason: str) -> None:
    with pytest.raises(UserError, match=rf"^test\.yaml:[0-9]+: key '[^']*{key}[^']*': expected .*{reason}"):
        parse(written.encode(), "test.yaml", sites)

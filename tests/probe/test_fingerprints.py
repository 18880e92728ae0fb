"""Lists of known block pages: both formats are read, hostile rows are left out, and no pattern is slow."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from probe.fingerprints import NO_FINGERPRINTS, Fingerprints, joined, kept_body, read
from probe.model import Observation, Operation

OONI = """\
name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes
made.nat_0,nat,made.x,body,contains,Blocked by the made-up ministry,9,"KZ, KG",made,,
made.isp_0,isp,,header.location,prefix,http://blocked.made-up.example/,5,KZ,made,,
made.isp_1,isp,,header.server,full,MadeUpFilter,5,KZ,made,,
made.isp_2,isp,,body,regexp,<title>Stop.*made-up\\s+filter,5,KZ,made,,
made.fp_0,fp,,body,contains,This is a made-up museum of block pages,5,,made,,
"""
CITIZEN_LAB = """name,common_name,pattern,location_found,exp_url,confidence_no_fp,source,scope,expected_countries,notes
isp_made,A made-up provider,://stop.made-up.example/page,body,,10,['https://made-up.example'],isp,['KZ'],none
isp_made_forward,A made-up provider,stop.made-up.example,header,,7,[''],isp,"['KZ', 'UZ']",none
"""


def known(written: str) -> Fingerprints:
    return read(written.encode())


def answer(body: str = "", headers: tuple[tuple[str, str], ...] = (), location: str | None = None) -> Observation:
    return Observation(
        operation=Operation.HTTP,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        started_mono_s=0.0,
        ended_mono_s=0.1,
        status=200,
        headers=headers,
        location=location,
        body=body.encode(),
        body_length_bytes=len(body.encode()),
    )


@pytest.mark.parametrize(
    ("written", "seen", "label"),
    [
        (OONI, answer("<p>Blocked by the made-up ministry</p>"), "made.nat_0;nat;9;KG,KZ"),
        (OONI, answer(location="http://blocked.made-up.example/?id=7"), "made.isp_0;isp;5;KZ"),
        (OONI, answer(location="https://a.example/?to=http://blocked.made-up.example/"), None),
        (OONI, answer(headers=(("server", "MadeUpFilter"),)), "made.isp_1;isp;5;KZ"),
        (OONI, answer(headers=(("server", "MadeUpFilter 2"),)), None),
        (OONI, answer("<title>Stop!\n now</title> a made-up  filter"), "made.isp_2;isp;5;KZ"),
        (OONI, answer("a made-up filter <title>Stop"), None),
        (OONI, answer("This is a made-up museum of block pages: Blocked by the made-up ministry"), None),
        (CITIZEN_LAB, answer('<iframe src="http://stop.made-up.example/page">'), "isp_made;isp;10;KZ"),
        (CITIZEN_LAB, answer(location="http://stop.made-up.example/"), "isp_made_forward;isp;7;KZ,UZ"),
        (CITIZEN_LAB, answer("nothing"), None),
    ],
)
def test_a_known_page_is_named_with_what_its_list_says(written: str, seen: Observation, label: str | None) -> None:
    assert known(written).marked(seen).fingerprint == label


def test_the_most_certain_of_several_is_named_and_lists_are_joined() -> None:
    both = joined([known(OONI), known(CITIZEN_LAB)])
    seen = answer("Blocked by the made-up ministry, see http://stop.made-up.example/page")
    assert both.marked(seen).fingerprint == "isp_made;isp;10;KZ"
    assert NO_FINGERPRINTS.marked(seen).fingerprint is None


HEAD = OONI.splitlines()[0]


@pytest.mark.parametrize(
    "row",
    [
        "bad name!,nat,,body,contains,long enough,5,KZ,,,",
        "x,nat,,body,contains,short,5,KZ,,,",
        "x,nat,,dns,contains,long enough,5,KZ,,,",
        "x,nat,,body,glob,long enough,5,KZ,,,",
        "x,nat,,body,regexp,(a+)+b(a+)+b,5,KZ,,,",
        "x,nat,,body,regexp,(?=.*a)long enough,5,KZ,,,",
        "x,nat,,body,regexp,[a-z]*[a-z]*[a-z]*x,5,KZ,,,",
        "x,nat,,body,regexp,a{1,60000}b{1,60000}c,5,KZ,,,",
        r"x,nat,,body,regexp,(long)enough\1\1,5,KZ,,,",
        "x,nat,,body,regexp,.*.*.*.*,5,KZ,,,",
        "x,nat,,body,contains," + "y" * 5000 + ",5,KZ,,,",
    ],
)
def test_a_row_that_cannot_be_used_safely_is_left_out_and_counted(row: str) -> None:
    made = known(f"{HEAD}\n{row}\n")
    assert (made.known, made.left_out) == ((), 1)


@pytest.mark.parametrize(
    "data", [b"", b"no,head\n1,2\n", b"\xff\xfe\x00", HEAD.encode() + b'\n"x,', (HEAD + "\n" + "x\n" * 5001).encode()]
)
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(data)


@pytest.mark.parametrize(
    "pattern", [r"<title>.*a.*b.*c.*d.*e.*zzz", r"x\s*\s*\s*\s*\s*\s*\s*\s*\s*\s*\s*y", r"......z"]
)
@pytest.mark.parametrize("piece", ["<title>abcde", "x         ", "a"])
def test_no_pattern_is_slow_on_any_page(pattern: str, piece: str) -> None:
    made = known(f"{HEAD}\nx,nat,,body,regexp,{pattern},5,KZ,,,\n")
    assert len(made.known) == 1
    began = time.process_time()
    made.marked(answer(piece * (262_144 // len(piece))))
    assert time.process_time() - began < 1.0


def test_a_known_page_is_kept_without_the_visitors_address() -> None:
    kept = kept_body(answer("<p>Blocked. You: 192.0.2.77, ref wAACTQ==</p>"))
    assert kept == "<p>Blocked. You: […], ref […]</p>".encode()

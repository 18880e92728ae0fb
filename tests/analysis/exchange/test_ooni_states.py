"""What is concluded from one OONI measurement: the guilty and the innocent of each kind, side by side."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analysis.analyse import judge
from analysis.context import facts_of_all
from analysis.exchange.importing.ooni import import_files
from analysis.reading import read_cycles
from analysis.runs import place_bets
from analysis.transfer_runs import place_transfers
from probe.store.database import Database
from tests.analysis.exchange.ooni_builder import (
    BOX,
    DOWN,
    GONE,
    HOST,
    OTHER,
    OWN_BOX,
    REFUSAL,
    SITE,
    classic_04,
    connect,
    control,
    dns,
    get,
    query,
    shake,
    untagged,
    web,
)

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.analyse import Judged
    from analysis.facts import CycleFacts

FIRST_DAY = datetime(2023, 1, 1, tzinfo=UTC)
PLAIN = f"http://{HOST}/"
SEALED = f"https://{HOST}/"
SHORT = "https://short.example.net/x"
RESET, TIMEOUT, EOF, REFUSED = "connection_reset", "generic_timeout_error", "eof_error", "connection_refused"


def judgements(folder: Path, *measurements: dict[str, Any]) -> list[Judged]:
    """Import measurements, and judge every one of a target."""
    file = folder / "ooni.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in measurements))
    with Database.open(str(folder / "facts.db")) as database:
        _, refused = import_files([file], database)
        assert refused == []
        with database.session() as session:
            cycles = read_cycles(session)
    return [one for one in judged(cycles) if one.facts.measurement.kind == "target"]


def judged(cycles: list[CycleFacts]) -> list[Judged]:
    bets = place_bets(cycles)
    return [judge(facts) for facts in facts_of_all(cycles, bets, place_transfers(cycles, bets.standing_of))]


def hop(url: str, **more: Any) -> dict[str, Any]:
    """A shortener that works, and the second hop as given."""
    first = get(SHORT, "", 301, location=url, ip=OTHER)
    queries = [
        query("getaddrinfo", OTHER, host="short.example.net"),
        *more.pop("second_dns", [query("getaddrinfo", SITE, depth=1)]),
    ]
    return web(
        SHORT,
        queries=queries,
        tcp_connect=[connect(OTHER), *more.pop("second_tcp", [])],
        tls_handshakes=[shake(OTHER, host="short.example.net"), *more.pop("second_tls", [])],
        requests=[*more.pop("second_get", []), first],
        control=control(addrs=(OTHER,), tcp={f"{OTHER}:443": None}, tls={f"{OTHER}:443": None}),
        **more,
    )


def poisoned(address: str, url: str, **more: Any) -> dict[str, Any]:
    """Resolvers in the clear are lied to; nothing there is the site's."""
    return web(url, **({"queries": dns(address)} | more))


NX = "dns_nxdomain_error"
AT_BOX = control(
    tcp={f"{SITE}:443": None, f"{SITE}:80": None, f"{BOX}:443": "connection_refused_error", f"{BOX}:80": None}
)
HELPER_TOO = {"tls": {f"{SITE}:443": "ssl_invalid_certificate"}, "failure": "unknown_error"}

GUILTY: dict[str, tuple[dict[str, Any], str]] = {
    "nxdomain from the system alone": (
        web(
            queries=dns(NX, SITE),
            tcp_connect=[connect(classic=False)],
            tls_handshakes=[shake(classic=False)],
            requests=[get(classic=False)],
        ),
        "dns.nxdomain",
    ),
    "no data, as Android says it": (
        web(
            queries=dns("android_dns_cache_no_data", SITE),
            tcp_connect=[connect(classic=False)],
            tls_handshakes=[shake(classic=False)],
            requests=[get(classic=False)],
        ),
        "dns",
    ),
    "nxdomain from all in the clear": (
        web(
            queries=dns(NX),
            tcp_connect=[connect(classic=False)],
            tls_handshakes=[shake(classic=False)],
            requests=[get(classic=False)],
        ),
        "dns.nxdomain",
    ),
    "bogon, true address blocked as well": (
        web(
            queries=dns("10.10.34.35", "10.10.34.35"),
            tcp_connect=[connect("10.10.34.35", failure=TIMEOUT), connect(classic=False, failure=TIMEOUT)],
            tls_handshakes=[],
            requests=[],
        ),
        "dns.injection.bogon",
    ),
    "localhost for the name that others resolve": (
        web(
            queries=dns("127.0.0.1", "127.0.0.1"),
            tcp_connect=[connect(classic=False)],
            tls_handshakes=[shake(classic=False)],
            requests=[get(classic=False)],
        ),
        "dns.injection.bogon",
    ),
    "led to a page that refuses": (
        poisoned(
            BOX,
            PLAIN,
            tcp_connect=[connect(BOX, 80), connect(BOX, failure=REFUSED, page=False), connect(port=80, classic=False)],
            tls_handshakes=[],
            requests=[get(PLAIN, REFUSAL, ip=BOX)],
            control=AT_BOX,
        ),
        "dns.injection",
    ),
    "led to a host that refuses TLS": (
        poisoned(
            BOX,
            SEALED,
            tcp_connect=[connect(BOX, failure=REFUSED), connect(classic=False)],
            tls_handshakes=[shake(classic=False, failure=RESET)],
            requests=[],
            control=AT_BOX,
        ),
        "dns.injection",
    ),
    "led to a host with a wrong name": (
        poisoned(
            OTHER,
            SEALED,
            tcp_connect=[connect(OTHER)],
            tls_handshakes=[shake(OTHER, "ssl_invalid_hostname")],
            requests=[],
        ),
        "dns.injection",
    ),
    "led through a proxy of the network": (
        poisoned(
            OWN_BOX, SEALED, tcp_connect=[connect(OWN_BOX)], tls_handshakes=[shake(OWN_BOX)], requests=[get(ip=OWN_BOX)]
        ),
        "dns.injection",
    ),
    "a ghost": (
        poisoned(
            BOX,
            PLAIN,
            queries=dns(BOX, doh=NX),
            tcp_connect=[connect(BOX, 80)],
            tls_handshakes=[],
            requests=[get(PLAIN, REFUSAL, ip=BOX)],
            control=control(**GONE),
        ),
        "dns.injection",
    ),
    "refused at TCP": (web(tcp_connect=[connect(failure=REFUSED)], tls_handshakes=[], requests=[]), "tcp.refused"),
    "silence at TCP over http": (
        web(
            PLAIN,
            tcp_connect=[connect(port=80, failure=TIMEOUT), connect(failure=TIMEOUT, page=False)],
            tls_handshakes=[],
            requests=[],
        ),
        "tcp.timeout",
    ),
    "http silent, https beside it fine": (web(PLAIN, requests=[get(PLAIN, "", 0, TIMEOUT)]), "http.timeout"),
    "handshake reset": (web(tls_handshakes=[shake(failure=RESET)], requests=[]), "tls.reset"),
    "handshake silent": (web(tls_handshakes=[shake(failure=TIMEOUT)], requests=[]), "tls.timeout"),
    "handshake closed": (web(tls_handshakes=[shake(failure=EOF)], requests=[]), "tls.eof"),
    "http closed": (web(PLAIN, requests=[get(PLAIN, "", 0, EOF)]), "http.eof"),
    "forged certificate": (web(tls_handshakes=[shake(failure="ssl_unknown_authority")], requests=[]), "tls.mitm"),
    "page that refuses": (web(PLAIN, requests=[get(PLAIN, REFUSAL)]), "http.blockpage"),
    "second hop reset in http": (
        hop(PLAIN, second_tcp=[connect(port=80, depth=1)], second_get=[get(PLAIN, "", 0, RESET, depth=1)]),
        "http.reset",
    ),
    "second hop closed in http": (
        hop(PLAIN, second_tcp=[connect(port=80, depth=1)], second_get=[get(PLAIN, "", 0, EOF, depth=1)]),
        "http.eof",
    ),
    "second hop reset in TLS": (
        hop(SEALED, second_tcp=[connect(depth=1)], second_tls=[shake(failure=RESET, depth=1)]),
        "tls.reset",
    ),
    "second hop refused": (hop(PLAIN, second_tcp=[connect(port=80, failure=REFUSED, depth=1)]), "tcp.refused"),
    "second hop denied": (
        hop(SEALED, second_dns=[query("getaddrinfo", failure=NX, depth=1), query("udp", failure=NX, depth=1)]),
        "dns.nxdomain",
    ),
    "0.4: reset": (classic_04(requests=[untagged(get(PLAIN, "", 0, RESET))]), "http.reset"),
    "0.4: silence at TCP": (
        classic_04(
            tcp_connect=[connect(port=80, failure=TIMEOUT) | {"tags": None}],
            requests=[untagged(get(PLAIN, "", 0, TIMEOUT))],
        ),
        "tcp.timeout",
    ),
    "0.4: reset over https": (classic_04(SEALED, requests=[untagged(get(SEALED, "", 0, RESET))]), "tls.reset"),
    "0.4: denied": (
        classic_04(
            queries=[query("getaddrinfo", failure=NX, engine="system", query_type="A", tags=None)],
            tcp_connect=[],
            requests=[untagged(get(PLAIN, "", 0, NX))],
        ),
        "dns.nxdomain",
    ),
    "0.4: page that refuses": (classic_04(requests=[untagged(get(PLAIN, REFUSAL))]), "http.blockpage"),
}

INNOCENT: dict[str, tuple[dict[str, Any], set[str]]] = {
    "well over https": (web(), {"ok"}),
    "well over http": (web(PLAIN), {"ok"}),
    "0.4: well": (classic_04(), {"ok"}),
    "0.4: well after a redirect": (
        classic_04(requests=[untagged(get(f"{PLAIN}en")), untagged(get(PLAIN, "", 302, location="/en"))]),
        {"ok"},
    ),
    "well, nodes of a content network elsewhere": (
        poisoned(OTHER, SEALED, tcp_connect=[connect(OTHER)], tls_handshakes=[shake(OTHER)], requests=[get(ip=OTHER)]),
        {"ok"},
    ),
    "well, a cache in the network that sealed resolvers give too": (
        web(
            queries=dns(OWN_BOX, doh=OWN_BOX),
            tcp_connect=[connect(OWN_BOX)],
            tls_handshakes=[shake(OWN_BOX)],
            requests=[get(ip=OWN_BOX)],
        ),
        {"ok"},
    ),
    "well, a cache in the network that only the system gives": (
        web(
            queries=dns(OWN_BOX, SITE),
            tcp_connect=[connect(OWN_BOX)],
            tls_handshakes=[shake(OWN_BOX)],
            requests=[get(ip=OWN_BOX)],
        ),
        {"ok"},
    ),
    "http, nodes elsewhere, same page": (
        poisoned(OTHER, PLAIN, tcp_connect=[connect(OTHER, 80)], tls_handshakes=[], requests=[get(PLAIN, ip=OTHER)]),
        {"ok"},
    ),
    "helper failed, https": (web(control={}, control_failure=RESET), {"ok"}),
    "helper failed, http": (web(PLAIN, control={}, control_failure=RESET), {"ok", "insufficient"}),
    "helper failed, site silent": (
        web(
            tcp_connect=[connect(failure=TIMEOUT)], tls_handshakes=[], requests=[], control={}, control_failure=TIMEOUT
        ),
        {"insufficient"},
    ),
    "helper failed, name denied by the system": (
        web(queries=dns(NX, SITE), control={}, control_failure=TIMEOUT),
        {"insufficient", "ok"},
    ),
    "down: no such name": (
        web(queries=dns(NX, doh=NX), tcp_connect=[], tls_handshakes=[], requests=[], control=control(**GONE)),
        {"down"},
    ),
    "down: no address": (
        web(
            queries=dns("dns_no_answer", doh="dns_no_answer"),
            tcp_connect=[],
            tls_handshakes=[],
            requests=[],
            control=control(addrs=(), dns_failure="dns_no_answer", tcp={}, tls={}, failure="unknown_error"),
        ),
        {"down"},
    ),
    "down: silent for all": (
        web(tcp_connect=[connect(failure=TIMEOUT)], tls_handshakes=[], requests=[], control=control(**DOWN)),
        {"down"},
    ),
    "down: refused for all": (
        web(
            tcp_connect=[connect(failure=REFUSED)],
            tls_handshakes=[],
            requests=[],
            control=control(
                tcp={f"{SITE}:443": "connection_refused_error"}, tls={}, failure="connection_refused_error"
            ),
        ),
        {"down"},
    ),
    "down: localhost for all": (
        web(
            queries=dns("127.0.0.1", doh="127.0.0.1"),
            tcp_connect=[],
            tls_handshakes=[],
            requests=[],
            control=control(addrs=("127.0.0.1",), tcp={}, tls={}, failure="unknown_error"),
        ),
        {"down"},
    ),
    "down: expired for all": (
        web(tls_handshakes=[shake(failure="ssl_invalid_certificate")], requests=[], control=control(**HELPER_TOO)),
        {"down"},
    ),
    "down: wrong name for all": (
        web(
            tls_handshakes=[shake(failure="ssl_invalid_hostname")],
            requests=[],
            control=control(tls={f"{SITE}:443": "ssl_invalid_hostname"}, failure="unknown_error"),
        ),
        {"down"},
    ),
    "down: redirects without end": (
        web(
            PLAIN,
            requests=[
                get(PLAIN, "", 302, "unknown_failure: stopped after too many redirects", "/y", depth=1),
                get(PLAIN, "", 302, location="/x"),
            ],
            control=control(failure="unknown_error"),
        ),
        {"down"},
    ),
    "expired here alone: it may be the clock": (
        web(tls_handshakes=[shake(failure="ssl_invalid_certificate")], requests=[]),
        {"insufficient"},
    ),
    "a challenge over http": (
        web(PLAIN, requests=[get(PLAIN, "<title>Just a moment...</title>", 503)]),
        {"withheld", "insufficient"},
    ),
    "a challenge over https": (
        web(requests=[get(SEALED, "<title>Attention Required!</title>", 403)]),
        {"withheld", "insufficient"},
    ),
    "a refusal by status": (web(PLAIN, requests=[get(PLAIN, REFUSAL, 403)]), {"withheld", "insufficient"}),
    "a page of another country": (
        web(PLAIN, requests=[get(PLAIN, "<title>Esempio</title><p>ciao", 200)]),
        {"insufficient"},
    ),
    "a site that refuses everybody": (
        web(PLAIN, requests=[get(PLAIN, REFUSAL)], control=control(title="Access Denied", length=60)),
        {"ok"},
    ),
    "a server that errs for all": (
        web(PLAIN, requests=[get(PLAIN, "", 502)], control=control(status=502, title="")),
        {"down"},
    ),
    "a broken redirect": (
        web(requests=[get(SEALED, "", 302, "http_invalid_redirect_location_host", "https://")]),
        {"withheld", "down", "insufficient"},
    ),
    "slow: the answer began": (
        web(PLAIN, requests=[get(PLAIN, "", 200, TIMEOUT, cut=True)], control=control(length=16_777_216, title="")),
        {"insufficient"},
    ),
    "a large file, cut by the test": (
        web(PLAIN, requests=[get(PLAIN, "", 200, cut=True)], control=control(length=16_777_216, title="")),
        {"ok", "insufficient"},
    ),
    "IPv6 broken here": (
        web(
            queries=[query("getaddrinfo", "2606:2800:220:1::1")],
            tcp_connect=[connect("2606:2800:220:1::1", failure="network_unreachable")],
            tls_handshakes=[],
            requests=[],
        ),
        {"insufficient"},
    ),
    "no network here": (
        web(tcp_connect=[connect(failure="network_unreachable")], tls_handshakes=[], requests=[]),
        {"insufficient"},
    ),
    "silent where the helper could not connect either": (
        web(
            tcp_connect=[connect(failure=TIMEOUT)],
            tls_handshakes=[],
            requests=[],
            control=control(tcp={f"{SITE}:443": TIMEOUT}),
        ),
        {"insufficient"},
    ),
    "all resolvers beside the system's silent": (
        web(queries=dns(SITE, TIMEOUT, TIMEOUT), tls_handshakes=[shake(failure=TIMEOUT)], requests=[]),
        {"insufficient"},
    ),
    "nodes elsewhere are ill, as sealed resolvers give them too": (
        web(
            queries=dns(OTHER, doh=OTHER),
            tcp_connect=[connect(OTHER)],
            tls_handshakes=[shake(OTHER, TIMEOUT)],
            requests=[],
        ),
        {"insufficient"},
    ),
    "denied here, and dead for the helper": (
        web(
            queries=dns(NX, SITE),
            tcp_connect=[connect(classic=False, failure=TIMEOUT)],
            tls_handshakes=[],
            requests=[],
            control=control(**DOWN),
        ),
        {"down"},
    ),
    "a resolver that is ill": (
        web(
            queries=dns("dns_server_misbehaving", SITE),
            tcp_connect=[connect(classic=False)],
            tls_handshakes=[shake(classic=False)],
            requests=[get(classic=False)],
        ),
        {"insufficient", "ok"},
    ),
    "an old answer of the system's": (
        poisoned(
            OTHER,
            SEALED,
            queries=dns(OTHER, SITE),
            tcp_connect=[connect(OTHER), connect(classic=False)],
            tls_handshakes=[shake(OTHER, "ssl_invalid_hostname"), shake(classic=False)],
            requests=[get(classic=False)],
        ),
        {"insufficient", "ok"},
    ),
    "names that nobody has are sold": (
        poisoned(
            BOX,
            PLAIN,
            queries=dns(BOX, doh=NX),
            tcp_connect=[connect(BOX, 80)],
            tls_handshakes=[],
            requests=[get(PLAIN, "<title>Did you mean?</title>", ip=BOX)],
            control=control(**GONE),
        ),
        {"insufficient"},
    ),
    "another site at the same moment is out of order": (
        web(
            tls_handshakes=[
                shake(failure="ssl_failed_handshake") | {"peer_certificates": [{"format": "base64", "data": "MA=="}]}
            ],
            requests=[],
        ),
        {"insufficient"},
    ),
}


@pytest.fixture(scope="module")
def verdicts(
    empty: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, tuple[str, tuple[str, ...]]]]:
    """Give state and mechanisms of every case, by role.

    Each is in a country and on a day of its own, so that none is another's witness.
    """
    cases = [(name, value) for name, (value, _) in (*GUILTY.items(), *INNOCENT.items())]
    placed, name_of = [], {}
    for number, (name, value) in enumerate(cases):
        day = (FIRST_DAY + timedelta(days=number)).strftime("%Y-%m-%d 20:33:47")
        country = f"{chr(65 + number // 26)}{chr(65 + number % 26)}"
        placed.append(value | {"measurement_start_time": day, "test_start_time": day, "probe_cc": country})
        name_of[day[:10]] = name
    found: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
    folder = tmp_path_factory.mktemp("cases")
    shutil.copy(empty, folder / "facts.db")
    for j in judgements(folder, *placed):
        name = name_of[f"{j.facts.measurement.started_at:%Y-%m-%d}"]
        found.setdefault(name, {})[j.facts.cycle.vantage.role] = (j.decision.state.value, j.decision.mechanisms)
    return found


@pytest.mark.parametrize("name", GUILTY)
def test_interference_is_suspected_with_its_mechanism_and_never_more(name: str, verdicts: dict[str, Any]) -> None:
    assert verdicts[name]["probe"] == ("suspected", (GUILTY[name][1],))


@pytest.mark.parametrize("name", INNOCENT)
def test_the_innocent_are_not_accused(name: str, verdicts: dict[str, Any]) -> None:
    assert verdicts[name]["probe"][0] in INNOCENT[name][1]
    assert verdicts[name].get("control", ("ok",))[0] in {"ok", "down", "insufficient"}


@pytest.mark.parametrize(("failing", "states"), [(3, {"ok", "insufficient"}), (1, {"ok", "suspected"})])
def test_a_pass_in_which_most_sites_fail_accuses_none_of_them(failing: int, states: set[str], place: Path) -> None:
    """A path that is ill fails for many names; OONI's report holds them all."""

    def site(number: int, *, fails: bool) -> dict[str, Any]:
        url = f"https://site{number}.example.com/"
        cut = {"tls_handshakes": [shake(failure=TIMEOUT)], "requests": []} if fails else {"requests": [get(url)]}
        return web(url, **cut) | {"report_id": "20240212T203340Z_webconnectivity_IT_137_n1_AbCdEf"}

    found = judgements(place.parent, *(site(n, fails=n < failing) for n in range(5)))
    assert {j.decision.state.value for j in found if not j.facts.cycle.vantage.is_sentinel} == states


def test_a_site_that_comes_and_goes_for_helpers_is_not_called_blocked(place: Path) -> None:
    here = web(tls_handshakes=[shake(failure=RESET)], requests=[])
    there = web(tcp_connect=[connect(failure=TIMEOUT)], tls_handshakes=[], requests=[], control=control(**DOWN))
    there |= {"probe_cc": "FR", "measurement_start_time": "2024-02-12 20:38:47"}
    found = judgements(place.parent, here, there)
    states = {j.decision.state.value for j in found if j.facts.cycle.vantage.country == "IT"}
    assert states == {"insufficient"}


def test_our_own_measurements_are_left_to_our_own_ways(place: Path) -> None:
    """Nothing of this is said of a probe that tries again, swaps names and asks its controls."""
    file = place.with_name("one.json")
    file.write_text(json.dumps(GUILTY["handshake reset"][0]))
    with Database.open(str(place)) as database:
        import_files([file], database)
        with database.session() as session:
            cycles = [replace(cycle, clock_source="system") for cycle in read_cycles(session)]
    assert not [e.rule for j in judged(cycles) for e in j.evidence if e.rule.startswith("unpaired.")]

"""One OONI measurement as what a probe and a sentinel saw: who measured, when, what, and where it comes from.

What could point at a person is never read: the probe's address, its resolver's,
the name of its network, and annotations but the kind of network. OONI's own
scrubbed fields stay as they are.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from analysis.exchange.ooni import control
from analysis.exchange.ooni.failures import failure_of
from analysis.exchange.ooni.fields import Fields, UnfitError
from analysis.exchange.ooni.steps import Reading, steps_of
from analysis.outcome import host_of
from probe.model import Observation, Operation, Target, TargetKind
from probe.record import Measured, Step
from probe.store.canonical import canonical_json
from probe.vantage import LAB

if TYPE_CHECKING:
    from datetime import datetime

    from probe.fingerprints import Fingerprints

WEB: Final = "web_connectivity"
HELPER_TARGET: Final = "ooni-test-helper"
"""The exchange between probe and test helper, which shows that both had a way out: a control of either's pass."""
CLOCK_SOURCE: Final = "nameblind_clock_source"
"""The annotation in which our own exports say where the time came from."""
_TEST: Final = re.compile(r"[a-z0-9_]{1,64}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_NETWORK: Final = re.compile(r"AS[0-9]{1,10}")
_HOST: Final = re.compile(r"[a-z0-9.-]{1,100}")
_IDENTIFIER: Final = re.compile(r"[\w.+-]{1,200}", re.ASCII)
_URL: Final = re.compile(r"(?i:https?)://[^\s\x00-\x1f\x7f]{1,1990}")
_BEARERS: Final = {"mobile": "mobile", "wired_ethernet": "fixed"}  # Wi-Fi may hang on either
_ADDED_LATER: Final = frozenset({"measurement_uid", "report_id", "scores", "_id", "bucket_date"})
"""Top-level keys that a measurement gets after it left the probe: not part of what it is."""
_LONGEST_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """Who measured, as the store wants it."""

    vantage_id: str
    country: str
    network: str | None
    bearer: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one vantage saw: the measurement of the target, and the control beside it."""

    vantage: Vantage
    key: str
    """Unique for this measurement and role: identifiers of rows begin with it."""
    cycle_id: str
    measured: tuple[Measured, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One measurement, read."""

    started_at: datetime
    """Of the pass that it is part of."""
    test_name: str
    test_version: str | None
    software: str
    report_id: str | None
    measurement_uid: str | None
    content_sha256: str
    is_of_lab: bool
    """Made up in a lab of ours and exported from there: never to stand beside what was measured."""
    passes: tuple[Pass, ...]
    """The helper's first, where it answered: then the probe's."""


def read(value: Any, fingerprints: Fingerprints) -> Imported:
    """Read one measurement. ``UnfitError`` with the field and the reason where it is none."""
    top = Fields(value)
    test = top.whole_text("test_name")
    if not _TEST.fullmatch(test):
        raise UnfitError("test_name is no name of a test")
    started_at = top.instant("measurement_start_time")
    keys = top.object("test_keys")
    sha256 = hashlib.sha256(_content(value)).hexdigest()
    report_id = _identifier(top, "report_id")
    probe = _probe(top)
    cycle = sha256[:24] if report_id is None else _short(f"{report_id} {probe.vantage_id}")
    target = _target(top, test)
    reading = Reading(started_at, None if test == WEB else test, fingerprints)
    ended_at = started_at + timedelta(seconds=min(max(top.number("test_runtime"), 0.0), _LONGEST_S))
    routine = _measured(target, steps_of(keys, reading), started_at, ended_at)
    passes = []
    controls: list[Measured] = []
    if test == WEB and ("control" in keys or "control_failure" in keys):
        helper = _helper(top)
        exchange = _exchange(top, keys, started_at)
        controls = [exchange]
        if _has_answered(keys):
            seen = control.steps_of(keys.object("control"), control.Asked(target.url, started_at))
            passes.append(
                Pass(
                    vantage=helper,
                    key=f"ooni-{sha256[:24]}-helper",
                    cycle_id=f"ooni-{cycle}-{helper.vantage_id.removeprefix('ooni-')}",
                    measured=(_measured(target, seen, started_at, started_at), exchange),
                )
            )
    passes.append(
        Pass(vantage=probe, key=f"ooni-{sha256[:24]}", cycle_id=f"ooni-{cycle}", measured=(routine, *controls))
    )
    return Imported(
        started_at=started_at if report_id is None else top.instant("test_start_time"),
        test_name=test,
        test_version=top.text("test_version"),
        software=f"{top.text('software_name') or 'unknown'} {top.text('software_version') or ''}".strip()[:100],
        report_id=report_id,
        measurement_uid=_identifier(top, "measurement_uid"),
        content_sha256=sha256,
        is_of_lab=top.object("annotations").text(CLOCK_SOURCE) == LAB,
        passes=tuple(passes),
    )


def _content(value: dict[str, Any]) -> bytes:
    kept = {key: item for key, item in value.items() if key not in _ADDED_LATER}
    try:
        return canonical_json(kept).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError) as error:
        raise UnfitError(f"it has no canonical form ({error})") from None


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _identifier(top: Fields, key: str) -> str | None:
    written = top.text(key)
    return written if written and _IDENTIFIER.fullmatch(written) else None


def _probe(top: Fields) -> Vantage:
    country, network = top.whole_text("probe_cc"), top.whole_text("probe_asn")
    if not _COUNTRY.fullmatch(country):
        raise UnfitError("probe_cc is no country of two capital letters")
    if not _NETWORK.fullmatch(network):
        raise UnfitError("probe_asn is no autonomous system such as AS9198")
    bearer = _BEARERS.get(top.object("annotations").text("network_type") or "", "unknown")
    suffix = "" if bearer == "unknown" else f"-{bearer}"
    return Vantage(
        vantage_id=f"ooni-{country}-{network}{suffix}",
        country=country,
        network=None if network == "AS0" else network,
        bearer=bearer,
        role="probe",
    )


def _helper(top: Fields) -> Vantage:
    host = host_of(top.object("test_helpers").object("backend").text("address"))
    name = host if _HOST.fullmatch(host) else "unnamed"
    return Vantage(vantage_id=f"ooni-helper-{name}", country="ZZ", network=None, bearer="unknown", role="control")


def _target(top: Fields, test: str) -> Target:
    """Give the target under OONI's own name for it: its input, which is the URL; else the test's name."""
    written = top.text("input") or ""
    if test == WEB and not _URL.fullmatch(written):
        raise UnfitError("input is no URL of http or https")
    host = host_of(written)
    if test == WEB and not host:
        raise UnfitError("input is a URL without a host")
    service = host.removeprefix("www.") if test == WEB else test
    return Target(
        name=(written if test == WEB else f"{test}:{written}" if written else test)[:2_000],
        service=service[:255],
        url=written[:2_000],
        kind=TargetKind.TARGET,
    )


def _measured(target: Target, steps: list[Step], started_at: datetime, ended_at: datetime) -> Measured:
    is_control = target.kind is not TargetKind.TARGET
    return Measured(
        target=target,
        round="first" if is_control else "main",
        started_at=started_at,
        ended_at=ended_at,
        steps=tuple(steps),
    )


def _has_answered(keys: Fields) -> bool:
    """Tell whether the helper gave its results: an empty object stands for none."""
    return "control_failure" not in keys and bool(keys.object("control").keys)


def _exchange(top: Fields, keys: Fields, started_at: datetime) -> Measured:
    """Give the exchange between probe and helper, of which OONI tells only how it ended."""
    url = top.object("test_helpers").object("backend").text("address") or ""
    failure = failure_of(keys.text("control_failure"))
    seen = Observation(
        operation=Operation.HTTP,
        started_at=started_at,
        started_mono_s=0.0,
        ended_mono_s=0.0,
        name=host_of(url) or None,
        url=url[:2_000] or None,
        failure=failure,
        status=200 if failure is None and _has_answered(keys) else None,
    )
    target = Target(name=HELPER_TARGET, service=HELPER_TARGET, url=url[:2_000], kind=TargetKind.CONTROL_ABROAD)
    return _measured(target, [Step(observation=seen)], started_at, started_at)

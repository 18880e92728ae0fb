"""What the doctor finds, and that it says what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe.commands.doctor import BUILT, Check, examine
from probe.consent import Scope, stored
from probe.private_file import write_private
from probe.store.database import Database
from probe.uplink import identity
from probe.uplink.signing import public_text
from tests.collector.fleet import TestClock
from tests.probe.store.example_facts import NOON, full_cycle, vantage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Clock(TestClock):
    def __init__(self) -> None:
        super().__init__()
        self.wall = BUILT + timedelta(days=1)


@pytest.fixture
def well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A probe of which nothing is wrong, but that its cycles are of 2011."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    state = tmp_path / "state"
    stored.write(state, stored.consent_now(BUILT, "en"))
    with Database.open(str(tmp_path / "results.db"), create=True) as store:
        store.append("almaty", [vantage("almaty")])
        store.append("almaty", full_cycle(0, "almaty"))
    return tmp_path


def wrong(folder: Path, clock: TestClock | None = None) -> dict[str, Check]:
    clock = clock or Clock()
    return {
        check.what: check for check in examine(str(folder / "results.db"), folder / "state", clock) if not check.is_well
    }


def test_the_one_thing_that_is_wrong_is_found_and_has_its_remedy(well: Path) -> None:
    found = wrong(well)
    assert list(found) == ["last cycle"]
    assert all(check.to_do for check in found.values())


def _enrol(folder: Path) -> None:
    probe_id, secret = "p" + "0" * 16, identity.new_key_bytes()
    write_private(identity.key_path(folder / "state", probe_id), secret)
    public = public_text(Ed25519PrivateKey.from_private_bytes(secret))
    enrolled = identity.Enrolled(probe_id=probe_id, collectors=("https://x",), collector_public_key=public, vantage={})
    identity.write(folder / "state", enrolled)


def _damage(folder: Path) -> None:
    content = bytearray((folder / "results.db").read_bytes())
    for at in range(8192, len(content), 512):
        content[at : at + 64] = bytes(64)
    (folder / "results.db").write_bytes(content)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda folder: stored.revoke(folder / "state"), "consent"),
        (lambda folder: (folder / "state" / "consent.json").chmod(0o644), "privacy"),
        (_enrol, "fleet"),
        (_damage, "database"),
        (lambda folder: (folder / "results.db").unlink(), "database"),
    ],
)
def test_what_is_broken_is_named(well: Path, change: Callable[[Path], object], what: str) -> None:
    assert what not in wrong(well)
    change(well)
    found = wrong(well)
    assert found[what].to_do


def test_a_proxy_a_full_disk_and_a_wrong_clock_are_named(well: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert "way out" in wrong(well)
    monkeypatch.setattr("probe.commands.doctor.LEAST_FREE_BYTES", 10**18)
    assert "disk" in wrong(well)
    early = Clock()
    early.wall = NOON - timedelta(days=1)
    assert {"clock", "last cycle"} <= set(wrong(well, early))


def test_enrolled_with_consent_is_well(well: Path) -> None:
    _enrol(well)
    stored.write(well / "state", stored.consent_now(BUILT, "en", Scope.UPLOAD))
    assert "fleet" not in wrong(well)

"""Is it our own instrument? A failure that follows the version of the software, and not the network, is a defect.

Vantages of one network, bearer and region that run different versions at the same
time differ in nothing else that we know of. Where a target fails under one version
and is reached under the others, in at least two networks, the version is asked:
under the null, who runs which version, and since when, has nothing to do with who
fails. So whole histories of versions are exchanged by chance among the vantages of
a network, and the failures that fall on the version in question are counted anew.
The share of exchanges that give at least as many as were seen is a p-value, for any
damage and any block (Phipson and Smyth, 2010, count the real one among the draws).

A block that begins while a release rolls out strikes old versions as well: then no
exchange changes anything, p is 1, and the block stands. *Failure* is that no answer
came; a state that only a newer version can see (a rule on QUIC, a slow transfer) is
none. Weak evidence must change what is said, so the bar is low: what is wrongly
called a defect becomes ``insufficient``, what is missed may become an accusation.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.runs import WINDOW
from probe.model import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.facts import CycleFacts, MeasurementFacts

HIGHEST_P = 0.05
"""Two networks with two vantages of each version give 1/36, and pass. By chance, one partial block in twenty that is as
lopsided as :data:`CONTRAST` asks would be called a defect, and be `insufficient`."""

CONTRAST = 0.5
"""By how much more of a network's measurements must fail under the version than under all others."""

FEWEST_NETWORKS = 2
"""In one, anything that its vantages do not share would do as well."""

EXCHANGES = 1999
"""Drawn by chance from a seed that follows from target and version."""

Stratum = tuple[str, str, str, str]
"""Country, network, bearer, region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """A target that fails under one version of the software, and not under others beside it."""

    target: str
    software_version: str
    others: tuple[str, ...]
    """Versions under which it was reached."""
    networks: tuple[str, ...]
    """Those in which the contrast shows."""
    failed: int
    measured: int
    """Under the version, while others measured beside it."""
    failed_elsewhere: int
    measured_elsewhere: int
    """Under the others."""
    p: float
    measurements: tuple[str, ...] = ()
    """That failed under the version, anywhere."""

    @property
    def text(self) -> str:
        """Say it in one sentence."""
        return (
            f"Under version {self.software_version} of our software {self.failed} of {self.measured} measurements "
            f"failed, under {', '.join(self.others)} beside it {self.failed_elsewhere} of {self.measured_elsewhere}, "
            f"in {len(self.networks)} networks (p = {self.p:.2g}): the failure follows the version, not the network."
        )

    def as_dict(self) -> dict[str, Any]:
        """Give it as ``analyze --json`` prints it."""
        return {
            "kind": "instrument-defect",
            "target": self.target,
            "software_version": self.software_version,
            "others": list(self.others),
            "networks": list(self.networks),
            "failed": self.failed,
            "measured": self.measured,
            "failed_elsewhere": self.failed_elsewhere,
            "measured_elsewhere": self.measured_elsewhere,
            "p": round(self.p, 6),
            "measurements": list(self.measurements),
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class _Look:
    """One measurement of the target: when, under which version, and whether it failed."""

    vantage_id: str
    window: int
    version: str
    has_failed: bool
    measurement_id: str


@dataclass(slots=True)
class _Counts:
    """Measurements under the version and under others, and those of them that failed."""

    failed: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    measured: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})

    def share(self, *, is_asked: bool) -> float:
        return self.failed[is_asked] / self.measured[is_asked] if self.measured[is_asked] else 0.0


def defects_of(cycles: Iterable[CycleFacts]) -> tuple[Defect, ...]:
    """Give every defect, by target and version; none where all vantages run one version."""
    told = [cycle for cycle in cycles if cycle.software_version and cycle.vantage.network]
    if len({cycle.software_version for cycle in told}) < 2:
        return ()
    looks: dict[str, dict[Stratum, list[_Look]]] = defaultdict(lambda: defaultdict(list))
    for cycle in sorted(told, key=lambda c: (c.started_at, c.cycle_id)):
        if not cycle.is_through_tunnel:
            for measurement in cycle.measurements:
                if measurement.kind != TargetKind.PORTAL_CHECK:
                    looks[measurement.target][_stratum(cycle)].append(_look(cycle, measurement))
    found = (
        _defect(target, version, strata)
        for target, strata in sorted(looks.items())
        for version in sorted({look.version for some in strata.values() for look in some})
    )
    return tuple(defect for defect in found if defect is not None)


def _stratum(cycle: CycleFacts) -> Stratum:
    vantage = cycle.vantage
    return vantage.country, vantage.network or "", vantage.bearer, vantage.region or ""


def _look(cycle: CycleFacts, measurement: MeasurementFacts) -> _Look:
    return _Look(
        vantage_id=cycle.vantage.vantage_id,
        window=(cycle.started_at - datetime.fromtimestamp(0, UTC)) // WINDOW,
        version=cycle.software_version,
        has_failed=not measurement.outcome.is_reached,
        measurement_id=measurement.measurement_id,
    )


def _defect(target: str, version: str, strata: Mapping[Stratum, Sequence[_Look]]) -> Defect | None:
    tables: list[np.ndarray[Any, np.dtype[np.int64]]] = []
    showing: list[tuple[Stratum, _Counts]] = []
    for stratum, looks in sorted(strata.items()):
        history = _histories(looks, version)
        mixed = [w for w in sorted({look.window for look in looks}) if len({own[w] for own in history.values()}) > 1]
        if not mixed:
            continue
        failing = _failing(looks)
        counts = _Counts()
        for look in looks:
            if look.window in mixed:
                counts.measured[look.version == version] += 1
                counts.failed[look.version == version] += look.has_failed
        if counts.share(is_asked=True) - counts.share(is_asked=False) >= CONTRAST and counts.measured[False]:
            showing.append((stratum, counts))
        names = sorted(history)
        tables.append(
            np.array(
                [
                    [sum(failing.get((one, w), False) and history[other][w] for w in mixed) for other in names]
                    for one in names
                ],
                dtype=np.int64,
            )
        )
    networks = sorted({stratum[1] for stratum, _ in showing})
    if len(networks) < FEWEST_NETWORKS:
        return None
    p = _p_value(tables, f"{target} {version}")
    if p > HIGHEST_P:
        return None
    every = [look for some in strata.values() for look in some]
    return Defect(
        target=target,
        software_version=version,
        others=tuple(sorted({look.version for s, _ in showing for look in strata[s]} - {version})),
        networks=tuple(networks),
        failed=sum(counts.failed[True] for _, counts in showing),
        measured=sum(counts.measured[True] for _, counts in showing),
        failed_elsewhere=sum(counts.failed[False] for _, counts in showing),
        measured_elsewhere=sum(counts.measured[False] for _, counts in showing),
        p=p,
        measurements=tuple(
            sorted(look.measurement_id for look in every if look.version == version and look.has_failed)
        ),
    )


def _histories(looks: Sequence[_Look], version: str) -> dict[str, dict[int, bool]]:
    """Tell of each vantage in each window whether it ran the version; between cycles it ran what it ran before."""
    ran: dict[str, dict[int, bool]] = defaultdict(dict)
    for look in looks:
        ran[look.vantage_id][look.window] = look.version == version
    windows = sorted({look.window for look in looks})
    histories: dict[str, dict[int, bool]] = {}
    for vantage_id, own in ran.items():
        now = own[min(own)]
        histories[vantage_id] = {}
        for window in windows:
            now = own.get(window, now)
            histories[vantage_id][window] = now
    return histories


def _failing(looks: Sequence[_Look]) -> dict[tuple[str, int], bool]:
    """Tell of each vantage in each window in which it measured whether it failed every time."""
    failing: dict[tuple[str, int], bool] = {}
    for look in looks:
        key = (look.vantage_id, look.window)
        failing[key] = failing.get(key, True) and look.has_failed
    return failing


def _p_value(tables: Sequence[np.ndarray[Any, np.dtype[np.int64]]], name: str) -> float:
    """Give the share of exchanges, the real one among them, after which as many failures fall on the version.

    A table has, for each vantage of a stratum (rows) and each history of versions (columns), the failures that would.
    """
    draws = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))
    seen = sum(int(np.trace(table)) for table in tables)
    exchanged = np.zeros(EXCHANGES, dtype=np.int64)
    for table in tables:
        order = draws.permuted(np.tile(np.arange(len(table)), (EXCHANGES, 1)), axis=1)
        exchanged += table[np.arange(len(table)), order].sum(axis=1)
    return float((1 + np.count_nonzero(exchanged >= seen)) / (1 + EXCHANGES))

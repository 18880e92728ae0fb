"""One cycle of one vantage: controls, targets with their closer looks, controls again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.evaluate.simulate.dice import dice
from analysis.evaluate.simulate.looks import look_at
from analysis.evaluate.simulate.swaps import Swaps, is_discordant
from analysis.evaluate.simulate.walk import Walk
from analysis.facts import CycleFacts, LookFacts, MeasurementFacts, PairFacts, Step, VantageFacts
from probe.model import NameKind, TargetKind
from probe.randomness import commitment

if TYPE_CHECKING:
    from analysis.evaluate.simulate.plant import Place, Site
    from analysis.evaluate.simulate.stage import Stage
    from analysis.facts import LinkFacts

SLOW_BYTES_S = 64_000.0
ROTA_OF_TRANSFERS = 0.1
"""Transfers take turns at probes; sentinels make them in every pass."""
PORTAL_STATUS = 204
MAIN_AFTER_S = 15.0


def facts_of(place: Place) -> VantageFacts:
    """Give a vantage as the analysis reads it."""
    return VantageFacts(
        vantage_id=place.vantage,
        country="DE" if place.is_sentinel else "KZ",
        region=place.region,
        network=place.network,
        bearer=place.bearer,
        role=place.role,
    )


def run_cycle(stage: Stage, place: Place, slot: int, seed: int, flight: tuple[LinkFacts, ...]) -> CycleFacts:
    """Walk one cycle and give its facts."""
    cycle_id = f"{place.vantage}-{slot:03d}"
    rng = dice("cycle", seed, cycle_id)
    begun = slot * stage.cadence_s + rng.uniform(0.0, 20.0)
    walk = Walk(stage, place, rng, cycle_id, begun)
    secret = hashlib.sha256(f"{seed} {cycle_id}".encode()).digest()
    swaps = Swaps(walk, secret)
    measurements: list[MeasurementFacts] = []

    def keep(site: Site, round_: str, at: float, steps: list[Step], **more: object) -> None:
        measurements.append(
            MeasurementFacts(
                measurement_id=f"{cycle_id}.m{len(measurements):03d}", cycle_id=cycle_id, vantage_id=place.vantage,
                service=site.service, target=site.name, url=site.url, kind=site.kind, round=round_,
                started_at=stage.at(at), steps=tuple(steps),
                expect_status=PORTAL_STATUS if site.kind == TargetKind.PORTAL_CHECK else None, **more,  # type: ignore[arg-type]
            )
        )  # fmt: skip

    before = look_at(stage, place, walk.now, rng)
    is_abroad_answering = False
    for site in (*stage.plant.controls, stage.plant.portal):
        walk.now = begun + 1.0
        steps = walk.visit(site)
        is_abroad_answering |= site.kind == TargetKind.CONTROL_ABROAD and is_answered(steps)
        keep(site, "first", begun + 1.0, steps)
    latest = begun + MAIN_AFTER_S
    for site in rng.sample(stage.plant.sites, len(stage.plant.sites)):
        walk.now = at = begun + MAIN_AFTER_S + rng.uniform(0.0, 5.0)
        steps, more = _target(walk, swaps, site, is_looked_closer=is_abroad_answering)
        keep(site, "main", at, steps, **more)
        latest = max(latest, walk.now)
    for site in (*stage.plant.controls, stage.plant.portal):
        walk.now = latest + 1.0
        steps = walk.visit(site)
        pairs: tuple[PairFacts, ...] = ()
        if is_abroad_answering and site.kind == TargetKind.CONTROL_ABROAD:
            pairs = tuple(swaps.pair(site, kind, is_negative=True) for kind in (NameKind.SNI, NameKind.QNAME))
        keep(site, "last", latest + 1.0, steps, pairs=pairs)
    walk.now = latest + 10.0
    after = look_at(stage, place, walk.now, rng, walk.now - begun)
    return CycleFacts(
        cycle_id=cycle_id,
        vantage=facts_of(place),
        started_at=stage.at(begun),
        slot_at=stage.at(slot * stage.cadence_s),
        received_at=stage.at(walk.now),
        software_version="simulated",
        seed_commitment=commitment(secret),
        outcome="complete",
        seed=secret.hex(),
        links=(before, after),
        flight=tuple(sorted({*flight, before, after}, key=lambda look: look.sampled_at)),
        measurements=tuple(measurements),
    )


def is_answered(steps: list[Step]) -> bool:
    """Tell whether a page came."""
    return any(step.operation == "http" and step.failure is None for step in steps)


def _kinds(site: Site) -> tuple[NameKind, ...]:
    if not site.is_plain:
        return (NameKind.SNI,)
    return (NameKind.HOST, NameKind.PATH) if site.path != "/" else (NameKind.HOST,)


def _is_odd(steps: list[Step]) -> bool:
    """Tell whether a name was answered oddly, or a certificate was wrong."""
    return any(
        (step.operation == "dns" and (step.failure is not None or len(step.answers) > 1))
        or step.failure == "address_not_dialled"
        or step.certificate_failure is not None
        for step in steps
    )


def _is_slow(steps: list[Step]) -> bool:
    pages = [step for step in steps if step.operation == "http" and step.progress]
    return any(step.progress[-1][1] / max(step.progress[-1][0], 0.001) < SLOW_BYTES_S for step in pages)


def _target(walk: Walk, swaps: Swaps, site: Site, *, is_looked_closer: bool) -> tuple[list[Step], dict[str, object]]:
    """Measure one target: the routine pass, and where something is odd the closer looks."""
    steps = walk.visit(site)
    pairs = [swaps.pair(site, kind) for kind in (*_kinds(site), NameKind.QNAME)] if is_looked_closer else []
    closer: list[Step] = []
    looks: list[LookFacts] = []
    transfers: list[PairFacts] = []
    is_odd = not is_answered(steps) or _is_odd(steps) or any(map(is_discordant, pairs))
    if is_looked_closer and is_odd:
        if not is_answered(steps):
            steps += walk.visit(site, 2, "retry")
        if not is_answered(steps) or _is_odd(steps):
            steps += walk.visit(site, 3, "resolvers")
        for control in walk.rng.sample(walk.stage.plant.controls[2:], 1):
            closer += [_beside(step, control.host) for step in walk.visit(control)]
        pairs += swaps.follow_up(site, pairs, _kinds(site))
        pairs += swaps.questions(site, pairs)
        if _is_odd(steps) or not is_answered(steps):
            closer += swaps.where_no_resolver_runs(site, walk.stage.plant.controls)
        looks += [LookFacts(technique=name, outcome="done") for name in ("retry", "controls", "pairs", "qname-pairs")]
    is_turn = walk.place.is_sentinel or walk.rng.random() < ROTA_OF_TRANSFERS
    if is_looked_closer and is_answered(steps) and (_is_slow(steps) or is_turn):
        transfers = swaps.transfers(site) if _is_slow(steps) else [swaps.transfer(site)]
        looks.append(LookFacts(technique="transfers", outcome="done"))
    return steps, {
        "pairs": tuple(pairs), "closer": tuple(closer), "looks": tuple(looks), "transfers": tuple(transfers)
    }  # fmt: skip


def _beside(step: Step, name: str) -> Step:
    return replace(step, technique="controls", variant=name)

"""The e-value of name-swap pairs, and the guards without which it would mean nothing.

Null: nothing on the way reads the name. Then, given that just one arm of a
pair failed, either is equally likely to be it, whatever the damage does. Of m
discordant pairs the target's arm failed in k; against the uniform mixture of
all probabilities in (1/2, 1) the e-value is

    E = 2^m * integral over (1/2, 1) of theta^k (1 - theta)^(m - k) * 2 dtheta
      = 2^(m+1) * B(k+1, m-k+1) * I_(1/2)(m-k+1, k+1)

with B the beta function and I the regularised incomplete one. Its mean under
the null is 1 at every stopping time, so that P(E ever >= 1/a) <= a (Ville).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainc, betaln, gammaln, logsumexp

from probe.addresses import is_public_address, parse_address
from probe.failures import Failure
from probe.model import Operation
from probe.pairs import has_arm_failed
from probe.randomness import is_committed, is_target_first, scramble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.facts import CycleFacts, PairFacts, Step

_SMALLEST_TRUSTED_TAIL = 1e-280
"""Below it the incomplete beta function loses digits, then underflows; the sum of binomials takes over."""


@lru_cache(maxsize=65_536)
def log10_e(discordant: int, target_failed: int) -> float:
    """Give log10 of the e-value of ``discordant`` pairs, in ``target_failed`` of which the target's arm failed.

    Exact for any count; no underflow. ``ValueError`` unless 0 <= target_failed <= discordant.
    """
    m, k = discordant, target_failed
    if not 0 <= k <= m:
        raise ValueError(f"{k} of {m} discordant pairs is impossible")
    tail = float(betainc(m - k + 1, k + 1, 0.5))
    log_beta = float(betaln(k + 1, m - k + 1))
    if tail > _SMALLEST_TRUSTED_TAIL:
        natural = (m + 1) * math.log(2.0) + log_beta + math.log(tail)
    else:  # 2^(m+1) I_(1/2)(m-k+1, k+1) is the sum of the binomials C(m+1, 0..k)
        j = np.arange(k + 1)
        natural = log_beta + float(logsumexp(gammaln(m + 2) - gammaln(j + 1) - gammaln(m + 2 - j)))
    return natural / math.log(10.0)


def chance_of_so_few(failed: int, trials: int, share: float) -> float:
    """Give the chance that no more than ``failed`` of ``trials`` fail, where each does with probability ``share``."""
    return 1.0 if failed >= trials else float(betainc(trials - failed, failed + 1, 1.0 - share))


class Standing(StrEnum):
    """Whether a pair may be counted, and why not."""

    COUNTED = "counted"
    INCOMPLETE = "incomplete"  # an arm was cut short by us, or its row is missing
    UNREVEALED = "unrevealed"  # the cycle's seed was not revealed, so the order cannot be checked
    TUNNELLED = "tunnelled"  # the cycle's packets left through a VPN: the pair is of another network
    MISMATCH = "mismatch"  # order, scramble, length or place differ from what the committed seed gives


_CUT_SHORT = frozenset({Failure.INTERRUPTED, Failure.ADDRESS_NOT_DIALLED})
_LAST_OPERATION = {
    "sni": Operation.TLS,
    "quic": Operation.QUIC,
    "qname": Operation.DNS,
    "host": Operation.HTTP,
    "path": Operation.HTTP,
}


def standings(cycle: CycleFacts, *, is_seed_shared: bool = False) -> dict[str, Standing]:
    """Give every pair of the cycle its standing, by ``pair_id``.

    A seed that does not fit its commitment, a pair number that was used twice,
    and a seed that another cycle has too (``is_seed_shared``) make mismatches:
    invented rows look like this, and so does a machine that was copied, whose
    coins fall alike in both copies.
    """
    pairs = [
        pair
        for measurement in cycle.measurements
        for pair in (*measurement.pairs, *measurement.host_pairs, *measurement.transfers)
    ]
    if cycle.is_through_tunnel:
        return dict.fromkeys((pair.pair_id for pair in pairs), Standing.TUNNELLED)
    seed = _seed_bytes(cycle)
    if seed is None:
        return dict.fromkeys((pair.pair_id for pair in pairs), Standing.UNREVEALED)
    if is_seed_shared or not is_committed(seed, cycle.seed_commitment):
        return dict.fromkeys((pair.pair_id for pair in pairs), Standing.MISMATCH)
    uses = Counter(pair.number for pair in pairs)
    return {pair.pair_id: Standing.MISMATCH if uses[pair.number] > 1 else _standing(pair, seed) for pair in pairs}


def _seed_bytes(cycle: CycleFacts) -> bytes | None:
    try:
        return bytes.fromhex(cycle.seed) if cycle.seed else None
    except ValueError:
        return b""  # no seed at all: it fits no commitment


def _standing(pair: PairFacts, seed: bytes) -> Standing:
    if pair.is_target_first != is_target_first(seed, pair.number) or not _is_scramble(pair, seed):
        return Standing.MISMATCH
    target, control = pair.target_arm, pair.control_arm
    if target is None or control is None or _is_cut_short(pair, target) or _is_cut_short(pair, control):
        return Standing.INCOMPLETE
    places = {(arm.address, arm.port) for arm in (target, control)}
    if places != {(pair.address, pair.port)}:
        return Standing.MISMATCH
    if (target.started_mono_s <= control.started_mono_s) != pair.is_target_first:
        return Standing.MISMATCH
    return Standing.COUNTED


def _is_scramble(pair: PairFacts, seed: bytes) -> bool:
    if len(pair.target_name.encode()) != len(pair.control_name.encode()):
        return False
    try:
        return pair.control_name == scramble(seed, pair.number, pair.target_name)
    except ValueError:  # no other name has this shape
        return False


def _is_cut_short(pair: PairFacts, arm: Step) -> bool:
    if arm.failure in _CUT_SHORT:
        return True
    last = Operation.HTTP if pair.technique == "transfers" else _LAST_OPERATION.get(pair.name_kind)
    return arm.failure is None and arm.operation != last


def has_failed(pair: PairFacts, arm: Step) -> bool:
    """Tell whether an arm failed, from its last step: by the probe's own definition, which steered the follow-up."""
    return has_arm_failed(peer=pair.peer, failure=arm.failure, is_peer_hello_received=arm.is_peer_hello_received)


def forgery_of(arm: Step) -> Failure | None:
    """Say what was forged, where an arm is a DNS question that somebody else than the helper answered.

    A denial, or nothing but addresses that cannot be on the Internet; ``None`` for any other answer.
    """
    first = next(iter(arm.valid_answers), None)
    if arm.operation != Operation.DNS or arm.failure != Failure.NOT_GENUINE or first is None:
        return None
    if first.rcode == "NXDOMAIN":
        return Failure.DNS_NXDOMAIN
    parsed = [parse_address(address) for address in first.addresses]
    is_bogon = parsed and not any(address is not None and is_public_address(address) for address in parsed)
    return Failure.DNS_BOGON if is_bogon else None


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over pairs that stand."""

    pairs: int = 0
    discordant: int = 0
    target_failed: int = 0
    """Of the discordant pairs, those in which the target's arm failed."""
    both_failed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.pairs + other.pairs,
            self.discordant + other.discordant,
            self.target_failed + other.target_failed,
            self.both_failed + other.both_failed,
        )

    def __sub__(self, other: Tally) -> Tally:
        return Tally(
            self.pairs - other.pairs,
            self.discordant - other.discordant,
            self.target_failed - other.target_failed,
            self.both_failed - other.both_failed,
        )

    @property
    def control_failed(self) -> int:
        """Discordant pairs in which the control's arm failed."""
        return self.discordant - self.target_failed

    @property
    def control_alive(self) -> int:
        """Pairs in which the control's arm succeeded: so often the path was up."""
        return self.pairs - self.control_failed - self.both_failed

    @property
    def target_alive(self) -> int:
        """Pairs in which the target's arm succeeded."""
        return self.pairs - self.target_failed - self.both_failed

    @property
    def log10_e(self) -> float:
        """log10 of the e-value."""
        return log10_e(self.discordant, self.target_failed)


NO_PAIRS = Tally()


def tally(pairs: Iterable[PairFacts]) -> Tally:
    """Count pairs that stand (:func:`standings`); both arms must be there."""
    made = discordant = alone = both = 0
    for pair in pairs:
        assert pair.target_arm is not None
        assert pair.control_arm is not None
        target, control = has_failed(pair, pair.target_arm), has_failed(pair, pair.control_arm)
        made += 1
        discordant += target != control
        alone += target and not control
        both += target and control
    return Tally(made, discordant, alone, both)

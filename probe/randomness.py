"""Random choices that a hostile reader can recompute.

The whole guarantee of a name-swap pair is that its order was drawn by chance,
and not after the fact. So a cycle draws one secret seed, stores the seed's
hash before its first packet, draws every choice from the seed, and reveals the
seed at its end. Whoever holds the rows can then check that the commitment fits
the seed, and that each order and each scramble follows from it.

Every choice is keyed by what it is for and by the pair's number, so that it
does not depend on the order in which pairs happened to run.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

SEED_BYTES = 32
_CONSONANTS = b"bcdfghjklmnpqrstvwxz"
_VOWELS = b"aeiouy"
_DIGITS = b"0123456789"
_MAX_SCRAMBLES = 64  # tries for a scramble that differs; a name of one fixed letter has none
_OTHERS = {
    letter: "".join(chr(alphabet[byte % len(alphabet)]) for byte in range(256))
    for alphabet in (_VOWELS, _CONSONANTS, _DIGITS)
    for letter in map(chr, alphabet)
}
"""What each letter becomes, by the byte that was drawn for it."""
_OTHERS |= {letter.upper(): others.upper() for letter, others in _OTHERS.items() if letter.isalpha()}


def new_seed() -> bytes:
    """Draw a cycle's seed from the system's source of randomness."""
    return secrets.token_bytes(SEED_BYTES)


def commitment(seed: bytes) -> str:
    """Give the hash that is stored before the cycle begins, in hex."""
    return hashlib.sha256(seed).hexdigest()


def is_committed(seed: bytes, stored: str) -> bool:
    """Tell whether ``seed`` is the one that ``stored`` committed to."""
    return hmac.compare_digest(commitment(seed), stored)


def _stream(seed: bytes, purpose: str, number: int, length: int) -> bytes:
    key = hmac.digest(seed, f"{purpose}:{number}".encode(), "sha256")
    return hashlib.shake_256(key).digest(length)


def is_target_first(seed: bytes, number: int) -> bool:
    """Draw which arm of pair ``number`` goes first: a fair coin."""
    return bool(_stream(seed, "order", number, 1)[0] & 1)


def below(seed: bytes, purpose: str, number: int, bound: int) -> int:
    """Draw an integer in ``range(bound)``.

    Sixteen bytes are reduced, so that the bias is below 2**-100 for any bound that we use.
    """
    return int.from_bytes(_stream(seed, purpose, number, 16)) % bound


def permutation(seed: bytes, purpose: str, number: int, length: int) -> list[int]:
    """Draw an order of ``range(length)``."""
    drawn = _stream(seed, purpose, number, 8 * length)
    return sorted(range(length), key=lambda i: drawn[8 * i : 8 * i + 8])


def scramble(seed: bytes, number: int, name: str) -> str:
    """Draw a name of the same length and shape as ``name``, new for each pair.

    Letters become letters (a vowel a vowel, so that it stays as pronounceable as
    it was), digits digits, and everything else, dots above all, stays in its
    place. The last label of a host name is kept: an unknown top-level domain
    would be a difference that a resolver or a filter could read.

    Damage can read a packet's size, but not its letters: equal length is what
    keeps the two arms exchangeable under damage.
    """
    head, dot, tail = name.rpartition(".")
    kept = dot + tail if dot and tail.isalpha() else ""
    head = head if kept else name
    for attempt in range(_MAX_SCRAMBLES):
        drawn = _stream(seed, f"scramble:{attempt}", number, len(head))
        other = "".join([_OTHERS.get(letter, letter * 256)[byte] for letter, byte in zip(head, drawn, strict=True)])
        if other != head:
            return other + kept
    raise ValueError(f"no other name has the shape of {name!r}")

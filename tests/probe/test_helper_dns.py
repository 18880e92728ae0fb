"""The helper's DNS: every name alike, an answer that nobody else can give, and nothing to abuse it by."""

from __future__ import annotations

import asyncio
import socket

import dns.message
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dns.edns import GenericOption, OptionType
from hypothesis import given
from hypothesis import strategies as st

from probe.helper import bind, public_key_of
from probe.helper import dns as helper_dns

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = public_key_of(KEY)
NONCE = bytes(range(16))


def question(name: str = "x.com", kind: str = "A", option: bytes | None = None, code: int = helper_dns.OPTION) -> bytes:
    content = helper_dns.padded(NONCE) if option is None else option
    return dns.message.make_query(name, kind, options=[GenericOption(OptionType.make(code), content)]).to_wire()


@pytest.mark.parametrize("name", ["x.com", "a.very.long.name.with.many.labels.in.it.example.org", "X.cOm"])
@pytest.mark.parametrize(("kind", "address"), [("A", "192.0.2.1"), ("AAAA", "2001:db8::1")])
def test_every_name_gets_the_same_address_and_the_question_back(name: str, kind: str, address: str) -> None:
    asked = question(name, kind)
    answer = helper_dns.answer(asked, KEY)
    assert answer is not None
    reply = dns.message.from_wire(answer)
    assert dns.message.from_wire(asked).is_response(reply)
    assert [rdata.to_text() for rdata in reply.answer[0]] == [address]
    assert reply.answer[0].name == reply.question[0].name
    assert helper_dns.is_own(answer, NONCE, PUBLIC)


def test_other_types_get_a_signed_answer_without_a_record() -> None:
    answer = helper_dns.answer(question(kind="TXT"), KEY)
    assert answer is not None
    assert dns.message.from_wire(answer).answer == []
    assert helper_dns.is_own(answer, NONCE, PUBLIC)


def test_answer_that_was_changed_anywhere_repeated_or_signed_by_another_is_not_its_own() -> None:
    answer = helper_dns.answer(question(), KEY)
    assert answer is not None
    for place in range(len(answer)):
        changed = bytearray(answer)
        changed[place] ^= 1
        assert not helper_dns.is_own(bytes(changed), NONCE, PUBLIC)
    assert not helper_dns.is_own(answer, bytes(16), PUBLIC)
    other = helper_dns.answer(question(), Ed25519PrivateKey.generate())
    assert other is not None
    assert not helper_dns.is_own(other, NONCE, PUBLIC)


def test_answer_is_hardly_longer_than_its_question() -> None:
    for kind in ("A", "AAAA", "TXT"):
        asked = question(kind=kind)
        answer = helper_dns.answer(asked, KEY)
        assert answer is not None
        assert len(answer) <= len(asked) + 28


@pytest.mark.parametrize(
    "message",
    [
        dns.message.make_query("x.com", "A").to_wire(),  # plain, as whoever abuses resolvers would ask
        dns.message.make_query("x.com", "A", use_edns=0).to_wire(),
        question(option=NONCE),  # too short to pay for the signature
        question(code=65_002),
        question()[:-1],
        question() + b"\0",
        helper_dns.answer(question(), KEY),  # an answer: two helpers must not talk to each other for ever
        bytes([*question()[:2], 0x28, *question()[3:]]),  # an update, not a query
        b"",
    ],
    ids=lambda message: f"{len(message or b'')} bytes",  # not the bytes: their identifiers are drawn anew each time
)
def test_whatever_else_comes_is_not_answered(message: bytes) -> None:
    assert helper_dns.answer(message, KEY) is None


@given(st.binary(max_size=400), st.integers(0, 110), st.binary(max_size=8))
def test_any_bytes_are_answered_or_dropped(noise: bytes, place: int, patch: bytes) -> None:
    assert helper_dns.answer(noise, KEY) is None
    asked = question()
    patched = asked[:place] + patch + asked[place + len(patch) :]
    answer = helper_dns.answer(patched, KEY)
    assert answer is None or len(answer) <= len(patched) + 28


def ask_many(count: int, address: str = "127.0.0.1") -> list[bytes]:
    """Serve on all addresses of loopback, and send ``count`` questions at once to one of them."""

    async def run() -> list[bytes]:
        with bind("0.0.0.0", 0) as bound, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect((address, bound.getsockname()[1]))
            asking.setblocking(False)
            answers = []
            with helper_dns.answering([bound], KEY):
                for _ in range(count):
                    asking.send(question())
                    await asyncio.sleep(0)
                try:
                    while True:
                        async with asyncio.timeout(0.1):
                            answers.append(await asyncio.get_running_loop().sock_recv(asking, 4096))
                except TimeoutError:
                    return answers

    return asyncio.run(run())


def test_it_answers_from_the_address_that_was_asked() -> None:
    (answer,) = ask_many(1, "127.0.0.77")
    assert helper_dns.is_own(answer, NONCE, PUBLIC)


def test_flood_is_answered_up_to_the_limit_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_dns, "ANSWERS_PER_S", 20)
    assert 20 <= len(ask_many(200)) < 40

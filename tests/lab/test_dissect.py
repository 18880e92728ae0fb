"""What boxes read: the SNI, the Host, the question; of real software's bytes, and of junk."""

from __future__ import annotations

import dns.message
import dns.rcode
from hypothesis import given
from hypothesis import strategies as st

from lab import dissect
from tests.lab.hellos import client_hello

HELLO_NAME = "www.social.example"


def in_records(hello: bytes, size: int) -> bytes:
    """The same handshake message, cut into TLS records of at most ``size`` bytes."""
    message = hello[5:]
    pieces = [message[i : i + size] for i in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def test_the_sni_of_a_real_client_hello_is_read() -> None:
    assert dissect.server_name(client_hello(HELLO_NAME)) == HELLO_NAME


@given(st.integers(1, 600))
def test_the_sni_is_read_however_the_hello_is_cut_into_records(size: int) -> None:
    assert dissect.server_name(in_records(client_hello(HELLO_NAME), size)) == HELLO_NAME


def test_a_complete_hello_is_read_though_the_next_record_has_only_begun() -> None:
    for beginning in (b"\x14", b"\x16\x03\x03", b"\x16\x03\x03\x00\xff12"):
        assert dissect.server_name(client_hello(HELLO_NAME) + beginning) == HELLO_NAME


def test_no_prefix_of_a_hello_gives_a_wrong_name() -> None:
    hello = client_hello(HELLO_NAME)
    assert {dissect.server_name(hello[:length]) for length in range(len(hello))} <= {None, HELLO_NAME}


@given(st.binary(max_size=300), st.integers(0, 200))
def test_junk_in_a_hello_gives_no_name_and_no_error(junk: bytes, at: int) -> None:
    hello = client_hello("a.example")
    for stream in (junk, hello[:at] + junk, hello[:at] + junk + hello[at + len(junk) :]):
        assert isinstance(dissect.server_name(stream), str | None)


def test_the_head_of_a_request_is_read_once_it_is_complete() -> None:
    request = b"GET /watch?v=abc HTTP/1.1\r\nUser-Agent: x\r\nhOsT:  WWW.Paper.Example:80 \r\n\r\nbody"
    assert dissect.request_head(request) == dissect.RequestHead("GET", "/watch?v=abc", "www.paper.example")
    assert dissect.request_head(request[:60]) is None


def test_the_host_of_an_authority_has_no_port_and_no_capitals() -> None:
    authorities = ("a.example", "A.Example:443", " a.example ", "[2A02::1]:443", "[2a02::1]")
    assert [dissect.host_of(authority) for authority in authorities] == ["a.example"] * 3 + ["[2a02::1]"] * 2


@given(st.binary(max_size=200))
def test_junk_is_no_request_or_one_without_error(junk: bytes) -> None:
    dissect.request_head(junk)
    dissect.request_head(junk + b" HTTP/1.1\r\n\r\n")


def test_a_question_that_dnspython_wrote_is_read() -> None:
    query = dns.message.make_query("News.Example", "AAAA")
    question = dissect.dns_question(query.to_wire())
    assert question is not None
    assert (question.identifier, question.name, question.query_type) == (query.id, "news.example", 28)


def test_dnspython_reads_the_answers_that_are_written() -> None:
    query = dns.message.make_query("news.example", "A")
    question = dissect.dns_question(query.to_wire())
    assert question is not None
    answer = dns.message.from_wire(dissect.dns_answer(question, ["45.60.1.1", "2a02:e980::1", "45.60.2.1"]))
    assert query.is_response(answer)
    assert [str(record) for record in answer.answer[0]] == ["45.60.1.1", "45.60.2.1"]
    missing = dns.message.from_wire(dissect.dns_answer(question, [], rcode=dissect.NXDOMAIN))
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert not missing.answer


@given(st.binary(max_size=120))
def test_junk_is_no_question_or_one_that_can_be_answered(junk: bytes) -> None:
    question = dissect.dns_question(junk)
    if question is not None:
        assert dissect.dns_answer(question, ["45.60.1.1"])[:2] == junk[:2]


def test_a_name_is_under_its_own_domain_and_no_other() -> None:
    domains = ("social.example", "t.example")
    assert dissect.is_name_under("social.example", domains)
    assert dissect.is_name_under("API.Social.example.", domains)
    assert not dissect.is_name_under("antisocial.example", domains)
    assert not dissect.is_name_under("example", domains)

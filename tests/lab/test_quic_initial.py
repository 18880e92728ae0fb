"""What a box reads of QUIC: the names in the RFCs' sample packets and in a real client's, and no error in junk."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import permutations

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicProtocolVersion, encode_quic_retry
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from lab.quic_initial import is_initial, server_name_in
from lab.servers.certificates import Authority

NAME = "www.social.example"
SERVER = ("192.0.2.1", 443)

# RFC 9001, appendix A.2: the CRYPTO frame of the sample ClientHello for example.com.
SAMPLE_CRYPTO_FRAME = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c0"
    "00000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e0005000501"
    "00000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304"
    "000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07"
    "048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff"
)
SAMPLE_HELLO = SAMPLE_CRYPTO_FRAME[4:]
SAMPLE_FRAMES = SAMPLE_CRYPTO_FRAME.ljust(1162, b"\x00")


def sealed(frames: bytes, header: str, key: str, iv: str, hp: str) -> bytes:
    """Protect an Initial whose packet number, the header's last four bytes, is unprotected (RFC 9001, section 5)."""
    plain = bytearray.fromhex(header)
    number = int.from_bytes(plain[-4:], "big")
    nonce = (int(iv, 16) ^ number).to_bytes(12, "big")
    body = AESGCM(bytes.fromhex(key)).encrypt(nonce, frames, bytes(plain))
    mask = Cipher(algorithms.AES(bytes.fromhex(hp)), modes.ECB()).encryptor().update(body[:16])
    plain[0] ^= mask[0] & 0x0F
    plain[-4:] = bytes(a ^ b for a, b in zip(plain[-4:], mask[1:], strict=False))
    return bytes(plain) + body


def sample(frames: bytes, number: int = 2) -> bytes:
    """An Initial with the connection ID and the keys of RFC 9001, appendix A."""
    length = 0x4000 | 4 + len(frames) + 16
    return sealed(
        frames,
        f"c300000001088394c8f03e5157080000{length:04x}{number:08x}",
        key="1f369613dd76d5467730efcbe3b1a22d",
        iv="fa044b2f42a3fd3b46fb255c",
        hp="9f50449e04a0e810283a1e9933adedd2",
    )


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + (0x4000 | offset).to_bytes(2, "big") + (0x4000 | len(data)).to_bytes(2, "big") + data


def client(
    name: str = NAME, *, hello_over_bytes: int = 0, version: int = QuicProtocolVersion.VERSION_1
) -> QuicConnection:
    """A client that has begun to connect; its hello is made larger by protocols that it offers."""
    offered = [f"{i:0>200}" for i in range(hello_over_bytes // 200)]
    configuration = QuicConfiguration(
        server_name=name, alpn_protocols=["h3", *offered], original_version=version, supported_versions=[version]
    )
    connection = QuicConnection(configuration=configuration)
    connection.connect(SERVER, now=0.0)
    return connection


def sent(connection: QuicConnection, now: float = 0.0) -> list[bytes]:
    return [datagram for datagram, _ in connection.datagrams_to_send(now=now)]


def test_the_sample_packet_of_rfc_9001_is_for_example_com() -> None:
    packet = sample(SAMPLE_FRAMES)
    assert packet[:22].hex() == "c000000001088394c8f03e5157080000449e7b9aec34", "the protected header of appendix A.2"
    assert packet[22:38].hex() == "d1b1c98dd7689fb8ec11d242b123dc9b", "the sample of appendix A.2"
    assert packet[-16:].hex() == "e221af44860018ab0856972e194cd934", "the tag of appendix A.2"
    assert is_initial(packet)
    assert server_name_in([packet]) == "example.com"


def test_the_sample_packet_of_rfc_9369_is_for_example_com() -> None:
    packet = sealed(
        SAMPLE_FRAMES,
        "d36b3343cf088394c8f03e5157080000449e00000002",
        key="8b1a0bc121284290a29e0971b5cd045d",
        iv="91f73e2351d8fa91660e909f",
        hp="45b95e15235d6f45a6b19cbcb0294ba9",
    )
    assert packet[:22].hex() == "d76b3343cf088394c8f03e5157080000449ea0c95e82", "the protected header of appendix A.2"
    assert packet[22:38].hex() == "ffe67b6abcdb4298b485dd04de806071", "the sample of appendix A.2"
    assert is_initial(packet)
    assert server_name_in([packet]) == "example.com"


@pytest.mark.parametrize("version", [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2])
@pytest.mark.parametrize("name", ["a.example", NAME, "XN--80AK6AA92E.Example", f"{'long.' * 40}example"])
def test_the_name_that_a_real_client_asks_for_is_read(name: str, version: int) -> None:
    datagrams = sent(client(name, version=version))
    assert is_initial(datagrams[0])
    assert server_name_in(datagrams) == name.lower()


def test_a_hello_as_large_as_a_post_quantum_one_is_read_from_all_its_datagrams_in_any_order() -> None:
    datagrams = sent(client(hello_over_bytes=1400))
    assert len(datagrams) == 2
    assert [server_name_in([datagram]) for datagram in datagrams] == [None, None]
    for order in permutations(datagrams):
        assert server_name_in(order) == NAME
    assert server_name_in([datagrams[0], datagrams[0], datagrams[1]]) == NAME, "a datagram was sent twice"


def test_the_keys_stay_those_of_the_first_connection_id_when_the_server_gives_another() -> None:
    asking = client(hello_over_bytes=1400)
    first, lost = sent(asking)
    pem = Authority(datetime.now(UTC)).leaf([NAME])
    certified = QuicConfiguration(
        is_client=False, certificate=load_pem_x509_certificate(pem), private_key=load_pem_private_key(pem, None)
    )
    answering = QuicConnection(configuration=certified, original_destination_connection_id=first[6 : 6 + first[5]])
    answering.receive_datagram(first, ("192.0.2.2", 50_000), now=0.01)
    for datagram in sent(answering, 0.05):
        asking.receive_datagram(datagram, SERVER, now=0.06)
    timer = asking.get_timer()
    assert timer is not None
    asking.handle_timer(now=timer)
    again = sent(asking, timer)
    assert again[0][5 : 6 + again[0][5]] != lost[5 : 6 + lost[5]], "it is sent to the server's connection ID"
    assert server_name_in([first, *again]) == NAME


def test_the_hello_after_a_retry_is_read_past_its_token() -> None:
    asking = client()
    (first,) = sent(asking)
    own_start = 6 + first[5]
    own = first[own_start + 1 : own_start + 1 + first[own_start]]
    retry = encode_quic_retry(
        version=QuicProtocolVersion.VERSION_1,
        source_cid=bytes(range(8)),
        destination_cid=own,
        original_destination_cid=first[6:own_start],
        retry_token=b"token" * 20,
    )
    asking.receive_datagram(retry, SERVER, now=0.01)
    again = sent(asking, 0.02)
    assert b"token" * 20 in again[0]
    assert server_name_in([first, *again]) == NAME
    assert server_name_in(again) == NAME


@given(st.permutations(range(6)), st.integers(0, 40), st.booleans())
def test_the_hello_is_read_from_pieces_among_other_frames(
    order: list[int], padding: int, is_acknowledging: bool
) -> None:
    pieces = [crypto(40 * i, SAMPLE_HELLO[40 * i : 40 * i + 45 if i < 5 else None]) for i in range(6)]
    between = b"\x01" + b"\x00" * padding
    if is_acknowledging:
        between += bytes.fromhex("0205010101 0000") + bytes.fromhex("03 05 00 00 01 010203")
    assert server_name_in([sample(between.join(pieces[i] for i in order))]) == "example.com"


def test_the_hello_is_read_from_coalesced_initials_behind_a_packet_of_another_kind() -> None:
    halves = (sample(crypto(0, SAMPLE_HELLO[:100]), 0), sample(crypto(100, SAMPLE_HELLO[100:]), 1))
    zero_rtt = bytes.fromhex("d000000001088394c8f03e5157080014") + bytes(20)
    assert server_name_in([zero_rtt + b"".join(halves)]) == "example.com"
    assert server_name_in([zero_rtt + halves[0]]) is None


def test_what_is_no_initial_of_a_known_version_is_none() -> None:
    packet = sample(SAMPLE_FRAMES)
    for other in (
        b"",
        b"\x40" + packet[1:],  # a short header
        b"\xe0" + packet[1:],  # a Handshake packet
        packet[:1] + bytes.fromhex("0a1a2a3a") + packet[5:],  # a version that forces negotiation
        packet[:1] + bytes(4) + packet[5:],  # version negotiation
        packet[:-1],  # cut short
        bytes.fromhex("abcd01000001000000000000") + b"\x04news\x07example\x00\x00\x01\x00\x01",  # a DNS query
    ):
        assert not is_initial(other)
        assert server_name_in([other]) is None


def test_no_part_of_a_hello_gives_a_wrong_name() -> None:
    names = {server_name_in([sample(crypto(0, SAMPLE_HELLO[:length]))]) for length in range(len(SAMPLE_HELLO) + 1)}
    assert names == {None, "example.com"}


@given(st.binary(max_size=300))
def test_junk_that_was_encrypted_well_gives_no_error(junk: bytes) -> None:
    for frames in (junk, crypto(0, junk), SAMPLE_CRYPTO_FRAME[:60] + junk):
        assert server_name_in([sample(frames.ljust(16, b"\x00"))]) in {None, "example.com"}


@given(st.binary(max_size=60), st.integers(0, 1220), st.lists(st.binary(max_size=80), max_size=3))
def test_junk_in_a_datagram_gives_no_name_and_no_error(junk: bytes, at: int, before: list[bytes]) -> None:
    packet = sample(SAMPLE_FRAMES)
    for mutated in (junk, packet[:at] + junk, packet[:at] + junk + packet[at + len(junk) :]):
        is_initial(mutated)
        assert server_name_in([*before, mutated]) in {None, "example.com"}


def test_hostile_datagrams_cost_little() -> None:
    many_frames = [sample(b"\x01\x00" * 8000, number) * 4 for number in range(100)]
    smallest = sample(b"\x01\x00" * 8)
    many_packets = [(smallest[:6] + number.to_bytes(8, "big") + smallest[14:]) * 1500 for number in range(100)]
    for datagrams in (many_frames, many_packets):
        began = time.process_time()
        assert server_name_in(datagrams) is None
        assert time.process_time() - began < 0.25

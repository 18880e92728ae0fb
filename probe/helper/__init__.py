"""A server of ours that answers every name alike.

A target's own server may read names, and refuse those that it does not know;
so a pair against it can differ for an honest reason. A helper cannot: it gives
the same certificate to every SNI and the same page to every Host and path. If
the target's name dies on the way to a helper and its scramble lives, then
something in between reads names.

Its identity is one Ed25519 key, which the schedule names:

* its certificate is self-signed by that key, and a probe compares the leaf's key;
* over QUIC it is the same certificate;
* over DNS the end of each answer is the key's signature of it, and of the question's nonce;
* over plain HTTP a probe sends ``Nameblind-Nonce``, and the answer carries
  ``Nameblind-Signature``: the key's signature of the nonce, in base64. A page
  that somebody else wrote cannot carry it;
* asked with ``Nameblind-Client``, it tells a probe which address it sees, signed
  too: a vantage behind a translator learns so in which network it is;
* asked with ``Nameblind-Bytes``, it sends so many bytes in the place of its page,
  the same for every name: how fast they come can be compared.

It keeps no log and stores nothing.
"""

from __future__ import annotations

from probe.helper.content import BYTES_HEADER, MOST_BYTES, content
from probe.helper.identity import (
    CLIENT_HEADER,
    NONCE_HEADER,
    SIGNATURE_HEADER,
    client_in,
    is_genuine,
    public_key_of,
)
from probe.helper.serving import Sockets, bind, listen, serve

__all__ = [
    "BYTES_HEADER",
    "CLIENT_HEADER",
    "MOST_BYTES",
    "NONCE_HEADER",
    "SIGNATURE_HEADER",
    "Sockets",
    "bind",
    "client_in",
    "content",
    "is_genuine",
    "listen",
    "public_key_of",
    "serve",
]

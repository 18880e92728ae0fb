"""A server of ours that answers every name alike.

A target's own server may read names, and refuse those that it does not know;
so a pair against it can differ for an honest reason. A helper cannot: it gives
the same certificate to every SNI and the same page to every Host and path. If
the target's name dies on the way to a helper and its scramble lives, then
something in between reads names.

Its identity is one Ed25519 key, which the schedule names:

* its certificate is self-signed by that key, and a probe compares the leaf's key;
* over plain HTTP a probe sends ``Nameblind-Nonce``, and the answer carries
  ``Nameblind-Signature``: the key's signature of the nonce, in base64. A page
  that somebody else wrote cannot carry it.

It keeps no log and stores nothing.
"""

from __future__ import annotations

from probe.helper.identity import NONCE_HEADER, SIGNATURE_HEADER, is_genuine, public_key_of
from probe.helper.serving import Sockets, listen, serve

__all__ = ["NONCE_HEADER", "SIGNATURE_HEADER", "Sockets", "is_genuine", "listen", "public_key_of", "serve"]

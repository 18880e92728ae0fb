"""Packets of a few connections of ours, kept by a process apart that alone may read them.

Opt-in, and privileged (CAP_NET_RAW). The process (``python -m probe.packets``)
opens its socket, gives its privilege up, and is told which connections it may
keep; the system's filter lets no packet of another peer reach it. What it hands
back holds no address of the volunteer's, no payload, and no option that could
tell one machine from another (:mod:`probe.packets.cleaning`). This side checks
that before it believes it, because a process that reads what anybody sends may
be somebody else's by then.

The probe works without all of this. scapy is loaded by that process alone.
"""

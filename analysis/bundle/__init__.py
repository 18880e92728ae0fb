"""The evidence bundle: a BagIt bag (RFC 8493) that a stranger can check without us, and recompute.

It holds the facts, the conclusions, the reports, the certificates and the packets,
with the hash of each. :mod:`analysis.bundle.make` writes it, :mod:`analysis.bundle.verify`
checks it: hashes and signature first, then every row, and then all that follows from
the rows is made anew and compared.
"""

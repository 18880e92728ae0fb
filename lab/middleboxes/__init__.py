"""Censors' boxes, one file a kind; the signature is :class:`lab.flow.Middlebox`'s."""

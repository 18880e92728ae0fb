"""Consent: nothing leaves the machine before a person has understood the risk and said so.

Measuring blocked names can endanger whoever does it. So there is no default
answer, nothing but the whole sentence counts as yes, and a changed text voids
what was said to the old one. Consent to upload is another one, with a text of its
own, and off until it is given.

* :mod:`probe.consent.text` is what a person reads: one file a language;
* :mod:`probe.consent.dialogue` asks, and refuses without an answer;
* :mod:`probe.consent.stored` keeps the answer, and doubts every file it finds.
"""

from __future__ import annotations

from probe.consent.dialogue import Asker, require, terminal
from probe.consent.stored import Consent, default_state_dir, is_given
from probe.consent.text import TEXT_VERSION, Scope

__all__ = [
    "TEXT_VERSION",
    "Asker",
    "Consent",
    "Scope",
    "default_state_dir",
    "is_given",
    "require",
    "terminal",
]

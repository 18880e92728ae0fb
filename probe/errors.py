"""The one exception that a person may see."""

from __future__ import annotations


class PassedOnExit(SystemExit):
    """The exit status of a program that was run for the person: the one status besides 0 and 1 that is ours to give."""


class UserError(Exception):
    """Something that the person can put right.

    Its text is one clear sentence: what is wrong, where, and what to do. The
    command prints it to standard error and ends with status 1. Everything
    else that escapes is a bug of ours and shows its traceback.
    """

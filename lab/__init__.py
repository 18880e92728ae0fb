"""An Internet in one process, with censors and disasters whose truth is known."""

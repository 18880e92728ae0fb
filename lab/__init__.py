"""An Internet in one process, with censors and disasters whose truth is known."""

import os

# numpy's linear algebra starts threads when it is imported, and a process with threads can neither enter a user
# namespace (unshare(2)) nor be forked safely. Nothing here multiplies matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

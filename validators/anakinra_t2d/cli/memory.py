"""Whether the system gives the process the address space that its libraries reserve."""

from __future__ import annotations

import sys

NEEDED = 4 << 30
"""Bytes: what the libraries reserve, a fourth more. They use far less, but some end the process without it."""


class MemoryLimitError(Exception):
    """The limit is too low; a full sentence."""


def require_address_space() -> None:
    """Raise MemoryLimitError where ``ulimit -v`` allows less than NEEDED.

    Only Linux enforces such a limit.
    """
    if not sys.platform.startswith("linux"):
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < NEEDED:
        raise MemoryLimitError(
            f"The system limits the address space of this process to {limit >> 20:,} MiB (ulimit -v), and it reserves "
            f"up to {NEEDED >> 20:,} MiB, of which it uses a small part. Raise that limit; to bound the memory that is "
            "used, limit it by a control group (systemd-run -p MemoryMax=2G, docker run --memory 2g)."
        )

"""Whether an OLE container, in which old workbooks come, is there from the first to the last byte."""

from __future__ import annotations

import struct

_FREE = 0xFFFFFFFF
_LAST_SECTOR_NUMBER = 0xFFFFFFF9
_IN_HEADER = 109
_SECTOR_SHIFTS = (9, 12)


def is_whole(content: bytes) -> bool:
    """Whether every sector that the container says is in use lies inside ``content``.

    Libraries pad what is missing of the last sector with nothing, and then silently read fewer rows.
    """
    try:
        (shift,) = struct.unpack_from("<H", content, 30)
        if shift not in _SECTOR_SHIFTS:
            return False  # a sector of another size may be of no byte, or of more than memory holds
        first, count = struct.unpack_from("<2I", content, 68)
        size = 1 << shift
        tables = list(struct.unpack_from(f"<{_IN_HEADER}I", content, 76))
        per_sector = size // 4
        for _ in range(min(count, len(content) // size)):
            if first > _LAST_SECTOR_NUMBER:
                break
            *more, first = struct.unpack_from(f"<{per_sector}I", content, (first + 1) * size)
            tables += more
        last = -1
        for place, table in enumerate(tables):
            if table > _LAST_SECTOR_NUMBER:
                continue
            entries = struct.unpack_from(f"<{per_sector}I", content, (table + 1) * size)
            used = max((at for at, entry in enumerate(entries) if entry != _FREE), default=None)
            if used is not None:
                last = max(last, place * per_sector + used)
    except struct.error:
        return False
    needed: int = (last + 2) * size
    return len(content) >= needed

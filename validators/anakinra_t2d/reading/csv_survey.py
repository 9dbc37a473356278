"""The first pass over the text of a CSV file: is it UTF-8 in lines of bounded length, is it plain throughout."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path

from anakinra_t2d.reading.csv_blocks import inspect, whole_lines
from anakinra_t2d.reading.csv_head import Head
from anakinra_t2d.reading.encoding import UTF8_BOM, check_utf8
from anakinra_t2d.reading.problems import UnreadableError

BLOCK = 256 << 10


@dataclass
class Survey:
    """What the first pass found below the head.

    ``lines`` is the number of lines. When ``plain``, every block is plain (see ``BlockFacts.plain``), and ``ends`` and
    ``counts`` hold, per block, its end in the file and the lines up to there.
    """

    lines: int = 0
    plain: bool = True
    ends: array[int] = field(default_factory=lambda: array("q"))
    counts: array[int] = field(default_factory=lambda: array("q"))


def survey(path: Path, head: Head) -> Survey:
    """Read the file once in bounded memory.

    Raises NotUtf8Error, UnreadableError when a line is too long, OSError when the file cannot be read.
    """
    found = Survey()
    with path.open("rb", buffering=0) as stream:
        offset = len(UTF8_BOM) if stream.read(len(UTF8_BOM)) == UTF8_BOM else 0
        stream.seek(offset)
        line = 0  # lines before the block
        letters = False
        try:
            for block in whole_lines(stream, BLOCK):
                letters = check_utf8(block, offset, line, letters_before=letters) or letters
                inside_head = min(max(head.offset - offset, 0), len(block))
                offset += len(block)
                if inside_head:
                    line += block.count(b"\n", 0, inside_head)
                    block = block[inside_head:]
                if not block:
                    continue
                facts = inspect(block, head.delimiter)
                line += facts.lines
                found.plain = found.plain and facts.plain(len(head.header))
                found.lines += facts.lines
                found.ends.append(offset)
                found.counts.append(found.lines)
        except UnreadableError as error:
            if error.row is None:
                error.row = line + 1
            raise
    return found

"""The secret of a release: which files may be a key, and what is made with one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import os
import secrets
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from anakinra_t2d.deidentify.git_state import Tracking, tracking
from anakinra_t2d.reading import InputError

LEAST_BYTES = 32
_MOST_BYTES = 1 << 16
_LEAST_BITS = 100.0
_LEAST_DIFFERENT = 12
_LEAST_STEPS = 8
_HOW = "`anakinra-t2d release --new-key FILE` makes a good one."


@dataclass(frozen=True)
class ReleaseKey:
    """A key for HMAC-SHA256; its bytes are never shown. ``path`` is the file it came from."""

    secret: bytes = field(repr=False)
    path: Path | None = None

    def pseudonym(self, kind: str, prefix: str, value: str) -> str:
        """The same text for the same value of a kind, such as ``P-4KQ7...``: 80 bits, letters and 2 to 7.

        No digit but these occurs, so that no date and no number of the trial can stand in a pseudonym by chance.
        """
        digest = self._digest("pseudonym", kind, value)
        return f"{prefix}-{base64.b32encode(digest[:10]).decode()}"

    def days(self, person: str, low: int, high: int) -> int:
        """A whole number of days for a person, from ``low`` to ``high`` with both ends."""
        return low + int.from_bytes(self._digest("days", person)) % (high - low + 1)

    @property
    def check(self) -> str:
        """Eight hexadecimal digits that are the same for releases with the same key, and tell nothing of it."""
        return self._digest("check").hex()[:8]

    def _digest(self, *parts: str) -> bytes:
        # the length before each part keeps ("ab", "c") apart from ("a", "bc")
        message = b"".join(len(raw).to_bytes(4) + raw for raw in (part.encode() for part in parts))
        return hmac.new(self.secret, message, hashlib.sha256).digest()


def new_key(path: Path) -> ReleaseKey:
    """Make a key file of 256 random bits that only its owner can read.

    Raises:
        InputError: the file is there already, cannot be written, or would lie in a git work tree that does not ignore
            it.
    """
    if os.path.lexists(path):
        raise InputError(f"{path} is there already; a key is never overwritten, because its releases need it.")
    if not path.parent.is_dir():
        raise InputError(f"There is no directory {path.parent} to write the key into.")
    _check_git(path)
    content = secrets.token_hex(LEAST_BYTES) + "\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"The key file {path} cannot be written: {_why(error)}.") from None
    return ReleaseKey(content.strip().encode(), path)


def read_key(path: Path, *, not_inside: Sequence[Path] = ()) -> ReleaseKey:
    """Read a key file.

    Args:
        path: the file; white space at its end does not count.
        not_inside: directories that are sent on or shared, in which a key must not lie.

    Raises:
        InputError: it is missing or unreadable, too short, too regular to be a secret, readable by others, inside one
            of the directories, or tracked or not ignored by git.
    """
    for folder in not_inside:
        check_outside(path, folder)
    content = _content(path)
    _check_git(path)
    check_strength(content, path)
    return ReleaseKey(content, path)


def check_outside(path: Path, folder: Path) -> None:
    """Refuse a key that lies in a directory of data.

    Raises:
        InputError: it does.
    """
    for real in (Path(os.path.abspath(path)), Path(os.path.realpath(path))):
        for base in (Path(os.path.abspath(folder)), Path(os.path.realpath(folder))):
            if base in real.parents:
                raise InputError(
                    f"The key file {path.name} lies inside {folder}, where it would be sent with the data; "
                    "move it to a place of its own."
                )


def check_strength(content: bytes, path: Path) -> None:
    """Refuse what can be guessed.

    Raises:
        InputError: fewer than 32 bytes, or so regular that it is no random key.
    """
    if len(content) < LEAST_BYTES:
        raise InputError(
            f"The key file {path} holds {len(content)} bytes, and a key has at least {LEAST_BYTES}. {_HOW}"
        )
    if weakness := _weakness(content):
        raise InputError(f"The key file {path} can be guessed: {weakness}. {_HOW}")


def _weakness(content: bytes) -> str | None:
    counts = Counter(content)
    text = content.decode("latin-1")
    if len(counts) == 1:
        return "it repeats one character"
    if text.isdigit():
        return "it consists of digits only"
    if all(character.isalpha() or character in " \t\r\n-_.,;:!?'\"" for character in text):
        return "it consists of words"
    if len(counts) < _LEAST_DIFFERENT:
        return f"it has only {len(counts)} different characters"
    steps = {(after - before) % 256 for before, after in pairwise(content)}
    if len(steps) < _LEAST_STEPS:
        return "its characters follow each other in a row"
    bits = -sum(count * math.log2(count / len(content)) for count in counts.values())
    if bits < _LEAST_BITS or _repeats(content):
        return "it repeats itself"
    return None


def _repeats(content: bytes) -> bool:
    """Whether a beginning too short to be a key gives the whole when it is repeated at least once."""
    shorter = range(1, min(LEAST_BYTES, len(content) // 2 + 1))
    return any(content.startswith(content[length:]) for length in shorter)


def _content(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"The key {path} is no file; name a file that holds the key.")
        if os.name == "posix" and status.st_mode & 0o077:
            raise InputError(
                f"The key file {path} can be read or changed by others than its owner; "
                f"`chmod 600 {path.name}` makes it private. If others have seen it, make a new one."
            )
        if status.st_size > _MOST_BYTES:
            raise InputError(f"The key file {path} is larger than {_MOST_BYTES >> 10} KiB and is no key. {_HOW}")
        return path.read_bytes().rstrip()
    except FileNotFoundError:
        raise InputError(f"There is no key file {path}. {_HOW}") from None
    except OSError as error:
        raise InputError(f"The key file {path} cannot be read: {_why(error)}.") from None


def _check_git(path: Path) -> None:
    state = tracking(path)
    if state is Tracking.TRACKED:
        raise InputError(
            f"The key file {path} is tracked by git, so that everybody with the repository has it; "
            "keep keys outside of repositories, and make a new one."
        )
    if state is Tracking.NOT_IGNORED:
        raise InputError(
            f"The key file {path} lies in a git work tree and is not ignored, so that it can be committed by mistake; "
            "move it outside, or name it in .gitignore."
        )
    if state is Tracking.UNKNOWN:
        raise InputError(
            f"The key file {path} lies in a git work tree, and git cannot say whether it is ignored; move it outside."
        )


def _why(error: OSError) -> str:
    return (error.strerror or "unknown reason").lower()

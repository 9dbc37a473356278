"""Tools that some tests need beside Python."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(tool: str) -> NoReturn:
    """Skip the test for want of a tool, or fail where all tools must be there."""
    words = f"{tool} is not installed"
    if os.environ.get("REQUIRE_ALL_TOOLS"):
        pytest.fail(words)
    pytest.skip(words)

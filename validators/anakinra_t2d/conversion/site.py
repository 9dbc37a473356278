"""Finds the site profile that a caller names."""

from __future__ import annotations

import difflib
from pathlib import Path

from anakinra_t2d.reading import InputError
from anakinra_t2d.schema import Definitions, Profile, SchemaError


def site_profile(named: str | Path | Profile | None, found: Definitions) -> Profile | None:
    """The profile for a name in ``schema/sites`` or a path.

    Raises:
        InputError: there is no such profile, or it cannot be used; the message says why.
    """
    if named is None or isinstance(named, Profile):
        return named
    if str(named) in found.profiles:
        return found.profiles[str(named)]
    path = Path(named)
    if not path.is_file():
        near = difflib.get_close_matches(str(named), list(found.profiles), n=1)
        known = f"did you mean {near[0]}?" if near else f"known are {', '.join(found.profiles)}."
        raise InputError(f"There is no site profile {named}, neither by name nor as a file; {known}")
    try:
        from anakinra_t2d.schema.loading import load_profile

        return load_profile(path, found)
    except SchemaError as error:
        raise InputError(f"The site profile {path} cannot be used:\n{error}") from None

"""The last look: the finished release through the eyes of ``validate --blinded``, before anybody gets it."""

from __future__ import annotations

from pathlib import Path

from anakinra_t2d.reading import InputError
from anakinra_t2d.releases.view import ReleaseView
from anakinra_t2d.restricted import inspect_paths
from anakinra_t2d.restricted.signs import HINT_RULE, ONE_ARM_RULE
from anakinra_t2d.wording import Wording

_OF_EVENTS = frozenset({ONE_ARM_RULE, HINT_RULE})
"""Rules on adverse events and laboratory values, which a safety desk must see."""


def require_passed(folder: Path, view: ReleaseView, *, deidentified: bool) -> None:
    """Look into every file below ``folder``.

    Raises:
        InputError: a file has what the view must not have. The places are named, and no value.
    """
    passes = view.terms.passes
    if passes == "nothing" and not deidentified:
        return
    allowed = _OF_EVENTS if passes == "all_but_events" else frozenset()
    found = inspect_paths([folder], Wording(view.found, show_values=False)).findings
    if passes == "nothing":
        # the arms may be known, but a person must not be
        found = [finding for finding in found if finding.code.startswith("PRIV-")]
    told = [finding for finding in found if finding.code not in allowed]
    if told:
        places = "; ".join(f"{finding.location} ({finding.code})" for finding in told[:5])
        more = f" and {len(told) - 5:,} more" if len(told) > 5 else ""
        raise InputError(
            f"The {view.terms.label.lower()} release was not written, because it would still hold what it must not: "
            f"{places}{more}. Correct the texts of the submission in these places, convert it and try again; "
            "`anakinra-t2d explain CODE` says what each code means."
        )

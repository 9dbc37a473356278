"""The cards of a view for other programs: as JSON with their schema, and as SQL for each engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.dialects import DIALECTS, script
from anakinra_t2d.endpoint_views.json_cards import json_cards, json_cards_schema

if TYPE_CHECKING:
    from anakinra_t2d.endpoint_views.dialects import Dialect
    from anakinra_t2d.endpoint_views.views import View
    from anakinra_t2d.releases.view import ReleaseView
    from anakinra_t2d.schema import Definitions


def endpoint_files(view: ReleaseView, readings: Mapping[str, str]) -> dict[str, str]:
    """Texts of the files by name; they are written over tables of the schema, whichever were sent.

    The SQL has no card that reads a column which the view's tables do not have.

    Raises:
        ReadingError: a reading or choice does not exist.
    """
    open_view = replace(view, withheld=frozenset())
    files = {
        "endpoints.json": json_cards(open_view.definitions(), readings),
        "endpoints.schema.json": json.dumps(json_cards_schema(), ensure_ascii=False, indent=1) + "\n",
    }
    shown = view.definitions()
    made = _Made(shown, tuple(sorted(readings.items())), tuple(view.endpoint_views(shown, readings)))
    return files | {f"endpoints-{dialect}.sql": _script(made, dialect) for dialect in DIALECTS}


class _Made:
    """Views with what they were made from; equal when they say the same, however often they were made."""

    def __init__(self, shown: Definitions, readings: tuple[tuple[str, str], ...], views: tuple[View, ...]) -> None:
        self.shown, self.readings, self.views = shown, readings, views

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Made) and self._says() == other._says()

    def __hash__(self) -> int:
        return hash(self._says())

    def _says(self) -> tuple[object, ...]:
        return self.readings, self.views, self.shown.fingerprint, tuple(self.shown.tables)


@cache
def _script(made: _Made, dialect: Dialect) -> str:
    """Translating takes seconds, so that the next release of the same process has it ready."""
    return script(made.views, dialect, made.shown, readings=dict(made.readings))

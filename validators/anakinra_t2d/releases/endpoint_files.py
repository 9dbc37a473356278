"""The cards of a view for other programs: as JSON with their schema, and as SQL for each engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.dialects import DIALECTS, script
from anakinra_t2d.endpoint_views.json_cards import json_cards, json_cards_schema

if TYPE_CHECKING:
    from anakinra_t2d.releases.view import ReleaseView


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
    made = view.endpoint_views(shown, readings)
    return files | {f"endpoints-{dialect}.sql": script(made, dialect, shown, readings=readings) for dialect in DIALECTS}

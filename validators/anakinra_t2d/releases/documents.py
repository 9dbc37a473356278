"""The files of a release that say what it is: README, citation, licence, manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d import __version__
from anakinra_t2d.forms.derived_tables import DERIVED
from anakinra_t2d.releases.package import CSV, DATA, Facts, sha256
from anakinra_t2d.releases.web_page import environment

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions


@dataclass(frozen=True)
class Changes:
    """What was done to the data on the way into the release, for its README.

    ``fields`` are those that de-identification changed, by table. ``limits`` are sentences on what it does not protect
    from. ``cards_without_sql`` are parameters and endpoints that read a column which is gone.
    """

    numbered_anew: Sequence[str] = ()
    emptied: Sequence[tuple[str, str]] = ()
    protected_cells: int = 0
    not_in_workbook: Sequence[str] = ()
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cards_without_sql: Sequence[str] = ()
    limits: Sequence[str] = ()


def readme(
    facts: Facts, shown: Definitions, changes: Changes, files: Sequence[str], example_tables: Sequence[str]
) -> str:
    """How to read the release, what each file is, what was left out and changed, and what is not protected.

    The examples read the first of ``example_tables`` that is there.
    """
    page: str = environment(autoescape=False).get_template("README.md").render(
        facts=facts,
        trial=shown.trial,
        changes=changes,
        tables=[(name, shown.tables[name].title, facts.rows[name]) for name in facts.rows if name in shown.tables],
        derived=[(name, DERIVED[name].title, facts.rows[name]) for name in facts.rows if name in DERIVED],
        files=frozenset(files),
        first=next((name for name in (*example_tables, *facts.rows) if name in facts.rows), ""),
        version=__version__,
    )  # fmt: skip
    return page


def citation(facts: Facts, shown: Definitions) -> str:
    """CITATION.cff: how to cite the data, and the report of the trial."""
    import yaml

    trial = shown.trial
    content = {
        "cff-version": "1.2.0",
        "message": "Please cite these data and the report of the trial.",
        "type": "dataset",
        "title": f"{trial.title}: {facts.terms.label.lower()} data"
        + (", de-identified" if facts.dates is not None else "")
        + (", synthetic" if facts.synthetic else ""),
        "version": trial.version,
        "authors": [{"name": f"The {trial.name} contributors"}],
        **({"license": facts.licence_id} if facts.licence.open else {}),
        "identifiers": [{"type": "other", "value": trial.registry, "description": "Number in the registry"}],
        "references": [
            {
                "type": "article",
                "title": trial.publication.citation,
                "authors": [{"name": "The authors of the report"}],
                "doi": trial.publication.doi,
            }
        ],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def licence_text(facts: Facts) -> str:
    """LICENSE: the terms in a few sentences, and where their full text is."""
    import textwrap

    licence = facts.licence
    head = f"SPDX-License-Identifier: {facts.licence_id}\n\n" if licence.open else ""
    parts = [licence.title, *textwrap.wrap(licence.text, 100)]
    if facts.synthetic:
        parts += ["", "Every record is simulated and describes no real person."]
    if licence.url:
        parts += ["", f"Full text: {licence.url}"]
    return head + "\n".join(parts) + "\n"


def manifest(folder: Path, facts: Facts, shown: Definitions, files: Sequence[str]) -> dict[str, Any]:
    """What the release is, and the hash of each of its files; nothing of the files it was made from."""
    return {
        "format": 1,
        "kind": "release",
        "name": facts.name,
        "package": f"anakinra-t2d {__version__}",
        "trial": shown.trial.registry,
        "schema_version": shown.trial.version,
        "schema_fingerprint": shown.fingerprint,
        "view": facts.view,
        "synthetic": facts.synthetic,
        "deidentified": facts.dates is not None,
        "dates": facts.dates,
        "with_errors": facts.with_errors,
        "licence": facts.licence_id,
        "readings": dict(facts.readings),
        "left_out": [one.model_dump() for one in facts.terms.leaves_out],
        "tables": {name: _table(name, number) for name, number in facts.rows.items()},
        "files": {name: {"sha256": sha256(folder / name), "bytes": (folder / name).stat().st_size} for name in files},
    }


def _table(name: str, number: int) -> Mapping[str, Any]:
    return {"rows": number, "parquet": f"{DATA}/{name}.parquet", "csv": f"{CSV}/{name}.csv"}

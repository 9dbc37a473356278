"""Queries to sites: a workbook for each site with its open findings and nothing of another one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from anakinra_t2d.finding import Finding
from anakinra_t2d.reading import InputError
from anakinra_t2d.report.findings_file import SavedFindings, read_findings
from anakinra_t2d.review.query_text import Query, QueryText
from anakinra_t2d.review.query_workbook import FORMAT, Origin, query_workbook
from anakinra_t2d.review.sites import site_field_of, site_of_findings
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.write.whole_directory import whole_directory

UNASSIGNED = "unassigned"
RESTRICTED = "restricted"
_AUDIENCES = {
    UNASSIGNED: "the data manager (findings of no known site, or of more than one)",
    RESTRICTED: "those who may know the treatment (findings of restricted tables)",
}


def site_queries(folder: str | Path, out: str | Path, found: Definitions | None = None) -> list[Path]:
    """Write a workbook for each site with its open findings into the new folder ``out``.

    ``queries-<site>.xlsx`` goes to a site. ``queries-unassigned.xlsx`` has the findings of no known site and those
    whose words name something of another site; ``queries-restricted.xlsx`` has those that are about restricted tables.
    No workbook shows what tells the arm. Where there is nothing to ask there is no workbook.

    Args:
        folder: a directory of ``convert``.
        out: must not exist, or be empty: answers may lie in an earlier one.
        found: the definitions; the shipped ones by default.

    Returns:
        The files, in the order of the sites; empty when no finding is open, and then nothing is written.

    Raises:
        InputError: the directory holds no findings, or they hide their values, or are of another trial or schema.
        OutputError: ``out`` holds something, or cannot be written.
    """
    found, folder, out = found or definitions(), Path(folder), Path(out)
    saved = read_findings(folder)
    require_same_schema(saved, found)
    if saved.values_hidden:
        raise InputError(f"{folder} was written with --no-values; queries need the numbers of the records.")
    groups = _by_audience(saved.findings, folder, found)
    if not groups:
        return []
    submissions = list(_submissions(folder, found))
    names = []
    # no marker: a folder with anything in it is never replaced
    with whole_directory(out, marker="\0") as partial:
        for audience, queries in groups.items():
            name = f"queries-{audience}.xlsx"
            origin = _origin(audience, saved, found, submissions)
            (partial / name).write_bytes(query_workbook(queries, origin))
            names.append(name)
    return [out / name for name in names]


def require_same_schema(saved: SavedFindings, found: Definitions) -> None:
    """Refuse findings that these definitions do not describe.

    Raises:
        InputError: another trial, another version of the schema, or a rule that is not known.
    """
    trial = found.trial
    if saved.trial and saved.trial != trial.registry:
        raise InputError(f"{saved.shown} is of the trial {saved.trial}; these definitions are of {trial.registry}.")
    if saved.schema_version != trial.version:
        raise InputError(
            f"{saved.shown} was checked with version {saved.schema_version} of the schema; this is version "
            f"{trial.version}. Convert the submission again."
        )
    unknown = sorted({finding.code for finding in saved.findings} - set(found.rules))
    if unknown:
        raise InputError(f"{saved.shown} has findings of rules that there are not: {', '.join(unknown)}.")


def _by_audience(findings: Iterable[Finding], folder: Path, found: Definitions) -> dict[str, list[Query]]:
    site_of, words = site_of_findings(folder, found), QueryText(found)
    groups: dict[str, list[Query]] = defaultdict(list)
    for finding in findings:
        if finding.status == "open":
            site = RESTRICTED if words.is_restricted(finding) else site_of(finding) or UNASSIGNED
            groups[site].append(words.query(finding))
    order = [*(site.id for site in found.trial.sites), UNASSIGNED, RESTRICTED]
    return {name: groups[name] for name in order if groups[name]}


def _origin(
    audience: str, saved: SavedFindings, found: Definitions, submissions: list[tuple[str, str | None]]
) -> Origin:
    labels = {site.id: f"{site.id}, {site.label}" for site in found.trial.sites}
    # a site reads the number of its own deliveries only
    named = [name for name, site in submissions if audience not in labels or site in (None, audience)]
    facts = {
        "format": FORMAT,
        "trial": found.trial.registry,
        "schema_version": found.trial.version,
        "site": audience,
        "submission": ", ".join(named),
        "findings": saved.digest,
    }
    return Origin(found.trial.title, labels.get(audience) or _AUDIENCES[audience], facts)


def _submissions(folder: Path, found: Definitions) -> Iterator[tuple[str, str | None]]:
    """Number and site of each delivery; the site is None where it is a delivery of all sites."""
    import polars as pl

    sites = frozenset(site.id for site in found.trial.sites)
    for table in found.tables.values():
        path = folder / f"{table.name}.parquet"
        if table.role != "delivery" or not path.is_file():
            continue
        field = site_field_of(table, found, sites)
        frame = pl.read_parquet(path)
        for row in frame.iter_rows(named=True):
            yield str(row[table.key[0]]), None if field is None or row[field] is None else str(row[field])

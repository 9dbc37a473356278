"""``release``: one archive of a view of converted data, for a collaborator."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anakinra_t2d.forms.codebook import codebook
from anakinra_t2d.forms.derived_tables import DERIVED
from anakinra_t2d.reading import InputError
from anakinra_t2d.releases import documents
from anakinra_t2d.releases.archive import names_in, require_place, workplace, write_archive, write_checksums
from anakinra_t2d.releases.check import require_passed
from anakinra_t2d.releases.codebook_page import codebook_page
from anakinra_t2d.releases.csv_tables import write_csv
from anakinra_t2d.releases.deidentified import Deidentified, deidentified, unchanged
from anakinra_t2d.releases.derived import cut_derived
from anakinra_t2d.releases.endpoint_files import endpoint_files
from anakinra_t2d.releases.package import CSV, DATA, REPORT, Facts, column_words, release_package
from anakinra_t2d.releases.records import Cut, cut_records
from anakinra_t2d.releases.source import Source, open_source
from anakinra_t2d.releases.validation import (
    counted_rules,
    counts_page,
    page,
    shown_findings,
    write_checks,
    write_findings,
)
from anakinra_t2d.releases.view import ReleaseView
from anakinra_t2d.releases.workbook import write_workbook
from anakinra_t2d.schema import definitions
from anakinra_t2d.schema.release import ViewName, release_views
from anakinra_t2d.standards.croissant import croissant
from anakinra_t2d.standards.ro_crate import ro_crate

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

Progress = Callable[[str, float], None]
Dates = Literal["study_day", "shifted"]
CROISSANT, CRATE = "croissant.json", "ro-crate-metadata.json"
REJECTED = "rejected.parquet"
_SYNTHETIC_LICENCE, _REAL_LICENCE = "CC0-1.0", "agreement"


@dataclass(frozen=True)
class Released:
    """What ``release`` wrote: the file, its name inside, its records by table, and sentences for its maker."""

    path: Path
    name: str
    view: ViewName
    rows: Mapping[str, int]
    warnings: list[str] = field(default_factory=list)


def release(
    folder: str | Path,
    out: str | Path,
    *,
    view: ViewName = "blinded",
    deidentify: bool = False,
    key_file: str | Path | None = None,
    dates: Dates = "study_day",
    threshold: int = 11,
    with_errors: bool = False,
    licence: str | None = None,
    found: Definitions | None = None,
    progress: Progress | None = None,
) -> Released:
    """Write a release of converted data: Parquet, CSV, workbook, Data Package, codebook, endpoints, report, checksums.

    Equal input gives equal bytes. The file appears whole or not at all.

    Args:
        folder: a directory that ``convert`` wrote; what ``derive`` added is used.
        out: the file to write, which must not exist and ends in .zip.
        view: what the reader may know; ``schema/release.yaml`` says what each view leaves out and why.
        deidentify: replace subject numbers and dates, and coarsen what is rare.
        key_file: the secret key for it, which must lie outside of ``folder``.
        dates: days of the trial in place of dates, or all dates of a patient moved by the same number of days.
        threshold: with ``deidentify``, how many people at least share every description of a person.
        with_errors: release data with open errors, marked as such.
        licence: id of a licence in ``schema/release.yaml``; by default CC0 for simulated data, an agreement for others.
        found: the definitions; the shipped ones by default.
        progress: called with a short text and the part that is done (0 to 1).

    Raises:
        InputError: the directory is no unchanged output of ``convert``, has open errors, or cannot be released so.
        OutputError: the file cannot be written.
    """
    found = found or definitions()
    source_folder, target = Path(folder), Path(out)
    shown_view = ReleaseView(view, found)
    terms = release_views(found)
    if view not in terms.views:
        raise InputError(f"There is no view {view}; choose one of {', '.join(terms.views)}.")
    if licence is not None and licence not in terms.licences:
        raise InputError(f"There is no licence {licence}; choose one of {', '.join(terms.licences)}.")
    if deidentify and key_file is None:
        raise InputError("De-identification needs a key file; name one, or make a new one first.")
    if not deidentify and key_file is not None:
        raise InputError("A key file is only used for de-identification; ask for that too, or leave the key out.")
    if not 1 <= threshold <= 1_000_000:
        raise InputError(f"The threshold must be a whole number from 1 on; {threshold} is not.")
    require_place(target)
    if target.absolute().parent.is_relative_to(source_folder.absolute()):
        raise InputError(f"{target} would lie inside the converted directory; name a file outside of it.")
    source = open_source(source_folder, found, tuple(DERIVED))
    if source.errors and not with_errors:
        raise InputError(
            f"The data have {source.errors:,} open {'error' if source.errors == 1 else 'errors'}: see "
            f"{source_folder / 'report.txt'}. Correct or accept them, or release the data as they are with "
            "--with-errors, which marks the release."
        )
    key = None
    if key_file is not None:
        from anakinra_t2d.deidentify.keys import read_key

        key = read_key(Path(key_file), not_inside=(source_folder,))
    with workplace(target) as work:
        making = _Making(shown_view, source, work, progress or (lambda text, part: None))
        making.cut()
        making.changed = (
            unchanged(making.shown, making.flat, making.cut_rows)
            if key is None
            else deidentified(making.view, making.flat, work / "deidentified", key, dates, threshold, source)
        )
        licence_id = licence or (_SYNTHETIC_LICENCE if source.synthetic else _REAL_LICENCE)
        facts = Facts(
            name=_name(found.trial.name, view, deidentify=deidentify, with_errors=bool(source.errors)),
            view=view,
            terms=shown_view.terms,
            synthetic=source.synthetic,
            dates=dates if deidentify else None,
            with_errors=bool(source.errors),
            licence_id=licence_id,
            licence=terms.licences[licence_id],
            readings=source.readings,
            rows=making.changed.rows,
        )
        making.write(facts)
        making.tell("looking for what must not be in it", 0.85)
        require_passed(making.files, shown_view, deidentified=deidentify)
        making.tell("writing the archive", 0.95)
        write_archive(making.files, work / "release.zip", target)
    return Released(target, facts.name, view, facts.rows, making.warnings)


def _name(trial: str, view: str, *, deidentify: bool, with_errors: bool) -> str:
    marks = [trial, view, *(["deidentified"] if deidentify else []), *(["with-errors"] if with_errors else [])]
    return "-".join(marks)


class _Making:
    """A release on its way: ``flat`` holds the tables of the view, ``files`` what goes into the archive."""

    def __init__(self, view: ReleaseView, source: Source, work: Path, progress: Progress) -> None:
        self.view = view
        self.source = source
        self.work = work
        self.tell = progress
        self.flat, self.files, self.scratch = (work / name for name in ("view", "release", "scratch"))
        for folder in (self.flat, self.scratch, *(self.files / name for name in (DATA, CSV, REPORT, "endpoints"))):
            folder.mkdir(parents=True)
        self.shown = view.definitions(present=source.tables)
        self.cut_made = Cut()
        self.cut_rows: dict[str, int] = {}
        self.changed: Deidentified = unchanged(self.shown, self.flat, {})
        self.warnings: list[str] = []

    def cut(self) -> None:
        """Write the tables of the view."""
        self.tell("leaving out what the view does not hold", 0.0)
        self.cut_made = cut_records(self.view, self.source.tables, self.shown, self.flat)
        order = [name for name in self.shown.trial.tables if name in self.cut_made.rows]
        self.cut_rows = {name: self.cut_made.rows[name] for name in order}
        self.cut_rows |= cut_derived(self.view, self.source.derived, self.flat)

    def write(self, facts: Facts) -> None:
        """Write everything that goes into the archive."""
        shown = self.changed.definitions
        self.tell("checking what may be said of the data", 0.2)
        self._report(facts)
        self.tell("writing the tables", 0.35)
        protected = self._tables(facts)
        not_in_workbook = self._workbook(facts)
        self.tell("writing the descriptions", 0.6)
        self._text("codebook.md", codebook(shown))
        self._text("codebook.html", codebook_page(shown, facts))
        cards_without_sql = self._endpoints()
        self._text("LICENSE", documents.licence_text(facts))
        self._text("CITATION.cff", documents.citation(facts, shown))
        if not self.view.terms.without("rejected_rows") and facts.dates is None:
            shutil.copyfile(self.source.folder / REJECTED, self.files / DATA / REJECTED)
        self._json("datapackage.json", release_package(self.files, facts, shown, self.source.package))
        changes = documents.Changes(
            numbered_anew=self.cut_made.numbered_anew,
            emptied=self.cut_made.emptied,
            protected_cells=protected,
            not_in_workbook=not_in_workbook,
            fields=self.changed.fields,
            cards_without_sql=cards_without_sql,
            limits=self.changed.limits,
        )
        listed = [*names_in(self.files), CROISSANT, CRATE]
        self._text("README.md", documents.readme(facts, shown, changes, listed, self.view.file.example_tables))
        # what the view may hold was settled before, so that nothing more is left out of these
        self._json(CROISSANT, croissant(self.files, shown, unblinded=True))
        self._json("manifest.json", documents.manifest(self.files, facts, shown, names_in(self.files)))
        self._json(CRATE, ro_crate(self.files, shown, unblinded=True))
        write_checksums(self.files)

    def _report(self, facts: Facts) -> None:
        counted = counted_rules(self.source, self.view, self.shown)
        write_checks(self.files / REPORT / "checks.csv", counted)
        if facts.dates is not None:
            # a finding is about one person, and its words may have a date or a value of that person
            self._text(f"{REPORT}/report.html", counts_page(facts, self.changed.definitions, counted))
            for name, text in self.changed.reports.items():
                self._text(f"{REPORT}/{name}", text)
            return
        findings = shown_findings(self.source, self.view, self.cut_made, self.shown)
        write_findings(self.files / REPORT / "findings.csv", findings)
        made = page(self.flat, self.source, self.view, self.shown, findings, counted, self.cut_rows)
        self._text(f"{REPORT}/report.html", made)

    def _tables(self, facts: Facts) -> int:
        protected = 0
        for name in facts.rows:
            target = self.files / DATA / f"{name}.parquet"
            (self.changed.folder / f"{name}.parquet").rename(target)
            protected += write_csv(target, self.files / CSV / f"{name}.csv")
        return protected

    def _workbook(self, facts: Facts) -> list[str]:
        tables = {name: self.files / DATA / f"{name}.parquet" for name in facts.rows}
        columns = column_words(facts, self.changed.definitions)
        title = self.view.found.trial.title
        return write_workbook(self.files / "tables.xlsx", title, tables, columns, self.scratch)

    def _endpoints(self) -> list[str]:
        """Write the cards; the ids of those that are not in the SQL."""
        able = replace(self.view, withheld=self.changed.withheld)
        for name, text in endpoint_files(able, self.source.readings).items():
            self._text(f"endpoints/{name}", text)
        return sorted(self.view.cards - able.cards)

    def _text(self, name: str, text: str) -> None:
        (self.files / name).write_text(text, encoding="utf-8", newline="\n")

    def _json(self, name: str, content: object) -> None:
        self._text(name, json.dumps(content, ensure_ascii=False, indent=2) + "\n")

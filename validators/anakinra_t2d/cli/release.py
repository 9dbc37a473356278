"""``anakinra-t2d release``: one archive for a collaborator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from anakinra_t2d.cli.failures import report_failures

_VIEWS = ("blinded", "safety", "full")
_DATES = {"study-day": "study_day", "shifted": "shifted"}
_THRESHOLD = 11


@click.command()
@click.argument("folder", metavar="DIR", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.zip", help="File to write; it must not exist.")
@click.option(
    "--view",
    type=click.Choice(_VIEWS),
    default=_VIEWS[0],
    show_default=True,
    help="blinded: nothing that tells the arm. safety: events with their category, but no arm and no kit number. "
    "full: everything.",
)
@click.option("--deidentify", is_flag=True, help="Pseudonyms, no dates, nothing rare; needs --key-file.")
@click.option("--key-file", type=click.Path(path_type=Path), metavar="FILE", help="The secret key of the pseudonyms.")
@click.option(
    "--dates",
    type=click.Choice(list(_DATES)),
    default=None,
    help="With --deidentify: days of the trial instead of dates, or all dates of a patient moved by the same number of "
    "days.  [default: study-day]",
)
@click.option(
    "--threshold",
    type=click.IntRange(min=1),
    default=None,
    help=f"With --deidentify: how many people share every description of a person.  [default: {_THRESHOLD}]",
)
@click.option("--with-errors", is_flag=True, help="Release data that have open errors, marked as such.")
@click.option("--licence", metavar="ID", help="Licence of the data, such as CC-BY-4.0.")
@click.option(
    "--new-key", type=click.Path(path_type=Path), metavar="FILE", help="Write a new secret key, and nothing else."
)
@report_failures
def release(
    folder: Path | None,
    out: Path | None,
    deidentify: bool,
    key_file: Path | None,
    dates: str | None,
    threshold: int | None,
    new_key: Path | None,
    **options: Any,
) -> None:
    """Write what a collaborator gets of converted data, as one archive.

    DIR is a directory that `convert` wrote. The archive holds Parquet, CSV and a workbook, a Data Package, the
    codebook, endpoints as JSON and SQL, the report, and a README on how to read them. Equal input gives equal bytes.
    """
    if new_key is not None:
        _make_key(new_key, folder, out)
        return
    if folder is None or out is None:
        raise click.UsageError("Name the converted directory and, with --out, the file to write.")
    for option, given in (("--key-file", key_file), ("--dates", dates), ("--threshold", threshold)):
        if given is not None and not deidentify:
            raise click.UsageError(f"{option} is only used with --deidentify; add that, or leave {option} out.")
    if deidentify and key_file is None:
        raise click.UsageError(
            "--deidentify needs --key-file FILE; `anakinra-t2d release --new-key FILE` makes a new one."
        )
    from anakinra_t2d.cli.progress import showing_progress
    from anakinra_t2d.releases.run import release as run

    with showing_progress() as progress:
        made = run(
            folder,
            out,
            deidentify=deidentify,
            key_file=key_file,
            dates=_DATES[dates or "study-day"],  # type: ignore[arg-type]
            threshold=_THRESHOLD if threshold is None else threshold,
            progress=progress,
            **options,
        )
    for warning in made.warnings:
        click.echo(warning, err=True)
    rows = sum(made.rows.values())
    click.echo(f"Wrote the release {made.name} with {len(made.rows)} tables and {rows:,} records to {made.path}")


def _make_key(target: Path, folder: Path | None, out: Path | None) -> None:
    if folder is not None or out is not None:
        raise click.UsageError("--new-key only makes a key; leave DIR and --out for the next run.")
    from anakinra_t2d.deidentify.keys import new_key as make

    make(target)
    click.echo(
        f"Wrote a new key to {target}. Keep it where nobody else can read it, and never beside a release: who has it "
        "can find the person behind a pseudonym."
    )

"""``anakinra-t2d profile``: drafts a site profile."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.failures import report_failures


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="New file for the profile; without it, to stdout."
)
@report_failures
def profile(paths: tuple[Path, ...], out: Path | None) -> None:
    """Draft a site profile from the files that a site sends.

    PATHS are files, directories or a zip of them. The draft says for every column which field it seems to be and how
    sure that is; what is unsure stands under `undecided`, and the profile is not used until that is empty.
    """
    from anakinra_t2d.profiling import draft_profile
    from anakinra_t2d.write.whole_file import write_whole_file

    if out is not None and out.exists():
        click.echo(f"The file {out} exists already; give a new name.", err=True)
        raise SystemExit(2)
    draft = draft_profile(*paths)
    if out is None:
        click.echo(draft.text, nl=False)
    else:
        write_whole_file(out, draft.text.encode())
    for problem in draft.problems:
        click.echo(f"Noticed: {problem}", err=True)
    click.echo(summary(draft.sure, draft.open, out), err=True)


def summary(sure: int, to_decide: int, out: Path | None) -> str:
    """How many columns are sure, how many are not, and what to do next."""
    place = str(out) if out else "the profile"
    columns = "1 column is" if sure == 1 else f"{sure} columns are"
    if not to_decide:
        return f"{columns} sure, none to decide. Look at {place}, then: validate PATHS --profile PROFILE"
    return (
        f"{columns} sure, {to_decide} to decide. Decide each entry under `undecided` in {place} and remove it, "
        "then: validate PATHS --profile PROFILE"
    )

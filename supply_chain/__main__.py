"""``python -m supply_chain COMMAND``: lock, bill of materials and licences, audit, and the document of them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from supply_chain.places import LOCK, ROOT


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look after what the package depends on.

    Exit status: 0 nothing is wrong, 1 something is, 2 it could not be found out.
    """


@main.command()
def tools() -> None:
    """Install the tools of requirements/tools.txt into an environment of their own, unless they are there."""
    from supply_chain.places import tool

    tool("uv")


@main.command()
@click.option("--upgrade", is_flag=True, help="Take the newest versions that pyproject.toml allows.")
@click.option("--check", is_flag=True, help="Write nothing; say what of pyproject.toml the lock does not meet.")
def lock(*, upgrade: bool, check: bool) -> None:
    """Lock the versions of a plain install, with hashes, for every supported Python: requirements/plain.txt."""
    from supply_chain.lock import PYTHONS, declared, faults, read_lock, write_lock

    if check and upgrade:
        raise click.UsageError("--check writes nothing, so it cannot --upgrade.")
    if not check:
        write_lock(upgrade=upgrade)
    elif not LOCK.exists():
        raise click.UsageError("There is no lock yet; `python -m supply_chain lock` writes it.")
    pins = read_lock()
    found = faults(pins, declared())
    for sentence in found:
        click.echo(sentence)
    if found:
        click.echo("`python -m supply_chain lock` writes the lock anew.")
        raise SystemExit(1)
    packages = len({pin.name for pin in pins})
    files = sum(len(pin.hashes) for pin in pins)
    pythons = f"Python {PYTHONS[0]} to {PYTHONS[-1]}"
    click.echo(f"{packages} packages are locked for {pythons}, with {files:,} hashes of files.")


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=ROOT / "build/sbom.cdx.json",
    help="The file to write, which is replaced.  [default: build/sbom.cdx.json]",
)
def sbom(out: Path) -> None:
    """Write the bill of materials (CycloneDX) of the locked versions, and list their licences."""
    from supply_chain.bill import bill_of_materials
    from supply_chain.licences import decisions, licences

    text = bill_of_materials()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    listed = list(licences(json.loads(text), decisions()))
    for one in listed:
        note = "" if one.allowed else "  NOT ALLOWED by requirements/licences.yaml"
        click.echo(f"{one.name:<27}{one.version:<19}{one.licence}{f' ({one.note})' if one.note else ''}{note}")
    refused = [one for one in listed if not one.allowed]
    click.echo(f"\n{len(listed)} packages; {len(refused) or 'none'} with a licence that is not allowed.")
    raise SystemExit(1 if refused else 0)


@main.command()
@click.option("--service", type=click.Choice(["osv", "pypi"]), default="osv", help="Whom to ask.  [default: osv]")
def audit(service: str) -> None:
    """Ask an advisory database about every locked version. Needs a network."""
    from supply_chain.audit import ask
    from supply_chain.lock import read_lock

    found = ask(read_lock(), service)
    for line in found.vulnerable:
        click.echo(line)
    reasons: dict[str, list[str]] = {}
    for version, reason in found.unchecked.items():
        reasons.setdefault(reason, []).append(version)
    for reason, versions in reasons.items():
        counted = "1 version was" if len(versions) == 1 else f"{len(versions)} versions were"
        click.echo(f"{counted} not checked: {reason}.")
    click.echo(f"{found.verdict}: {len(found.clean)} versions without a known vulnerability")
    raise SystemExit({"clean": 0, "vulnerable": 1, "not checked": 2}[found.verdict])


@main.command()
@click.option("--only", metavar="WORD", help="Only the blocks whose command holds this word.")
def document(only: str | None) -> None:
    """Run the commands that docs/supply_chain.md shows, and put what they print into it."""
    from supply_chain.document import write_document

    for command in write_document(only):
        click.echo(f"ran python -m {command}")


if __name__ == "__main__":
    main(prog_name="python -m supply_chain")

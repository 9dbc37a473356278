"""Writes every generated file of the repository, or says which of them are stale.

python -m anakinra_t2d.forms.generate [--check]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from anakinra_t2d.forms.data_package import data_package, reading_order
from anakinra_t2d.forms.meta import meta_schemas
from anakinra_t2d.schema import Definitions, SchemaError, definitions

EXAMPLES = "examples/canonical"
_WHOLLY_GENERATED = ("schema/meta",)


def generated(definitions: Definitions) -> dict[str, str]:
    """Text of every generated file by its path below the root of the repository; the same on every run."""
    return {
        "datapackage.json": _json(_repository_package(definitions)),
        **{f"schema/meta/{name}.json": _json(schema) for name, schema in meta_schemas().items()},
    }


def stale(root: Path, texts: Mapping[str, str]) -> list[str]:
    """Paths below ``root`` that differ from ``texts``, are missing, or are left over in a generated folder."""
    differing = [path for path, text in texts.items() if _read(root / path) != text.encode()]
    return sorted([*differing, *_left_over(root, texts)])


def write(root: Path, texts: Mapping[str, str]) -> list[str]:
    """Bring the files below ``root`` up to date; the paths that were changed or removed."""
    changed = stale(root, texts)
    for path in changed:
        if path in texts:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(texts[path].encode())
        else:
            (root / path).unlink()
    return changed


def _repository_package(found: Definitions) -> dict[str, Any]:
    """The descriptor of the example trial; lineage is never sent, so the examples have none."""
    names = [name for name in reading_order(found) if found.tables[name].role != "lineage"]
    return data_package(found, paths={name: f"{EXAMPLES}/{name}.csv" for name in names}, synthetic=True)


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _left_over(root: Path, texts: Mapping[str, str]) -> list[str]:
    inside = [path for folder in _WHOLLY_GENERATED for path in (root / folder).rglob("*") if path.is_file()]
    return [name for path in inside if (name := path.relative_to(root).as_posix()) not in texts]


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; list the stale files and exit 1 when there are any.")
def main(check: bool) -> None:
    """Write the files that follow from the definitions in schema/."""
    try:
        found = definitions()
    except SchemaError as error:
        raise click.ClickException(f"The definitions are wrong, so nothing was generated:\n{error}") from error
    if not (found.root / "pyproject.toml").is_file():
        raise click.ClickException("This is an installed package; run the command in a checkout of the repository.")
    if not check:
        for path in write(found.root, generated(found)):
            click.echo(f"wrote {path}")
        return
    if outdated := stale(found.root, generated(found)):
        listed = "\n".join(f"  {path}" for path in outdated)
        raise click.ClickException(f"These files do not follow the definitions; run `make generate`:\n{listed}")
    click.echo("All generated files are up to date.")


if __name__ == "__main__":
    main()

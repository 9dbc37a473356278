"""Opens what ``convert`` wrote, and looks whether its tables mean what the definitions say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d.endpoint_views.views import tables_read
from anakinra_t2d.reading import InputError
from anakinra_t2d.reading.discover import MANIFEST, PACKAGE
from anakinra_t2d.versions.change import EditionError
from anakinra_t2d.versions.note import differences_from

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions


@dataclass
class Converted:
    """A directory of converted tables.

    ``wrong_units`` are fields whose file states another unit than the definitions, with that unit; ``warnings`` are
    sentences for the one who reads the results.
    """

    folder: Path
    manifest: dict[str, Any]
    package: dict[str, Any]
    tables: dict[str, Path]
    wrong_units: dict[tuple[str, str], str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def synthetic(self) -> bool:
        """Whether the data say that they are simulated."""
        return bool(self.manifest.get("synthetic"))


def open_converted(folder: Path, definitions: Definitions) -> Converted:
    """The tables, manifest and package of a directory.

    Raises:
        InputError: it does not exist, is no output of ``convert``, a table in it is missing or no Parquet file, or its
            version of the schema had another unit or type for a field.
    """
    if not folder.is_dir():
        raise InputError(f"There is no directory {folder}; name one that `anakinra-t2d convert` wrote.")
    manifest, package = (_document(folder, name) for name in (MANIFEST, PACKAGE))
    paths = {str(one.get("name")): folder / str(one.get("path")) for one in package.get("resources", [])}
    if refusal := _refusal(folder):
        raise InputError(refusal)
    tables = {name: paths[name] for name in definitions.tables if name in paths}
    converted = Converted(folder, manifest, package, tables)
    for name, path in tables.items():
        _check(converted, name, path, definitions)
    absent = [name for name in sorted(tables_read(definitions.endpoints)) if name not in tables]
    if absent:
        converted.warnings.append(f"Tables that endpoints read are not here: {', '.join(absent)}.")
    if manifest.get("schema_fingerprint") != definitions.fingerprint:
        converted.warnings.append(
            f"The data were converted with schema {manifest.get('schema_version')} in another state than this one "
            f"({definitions.trial.version}); convert them again to be sure that both say the same."
        )
    if errors := manifest.get("errors"):
        converted.warnings.append(f"The conversion found {errors} errors; see report.txt beside the tables.")
    return converted


def _refusal(folder: Path) -> str | None:
    try:
        return differences_from(folder).refusal()
    except EditionError:
        # a package that states no version; the columns of each table are looked at all the same
        return None


def _document(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} is not a directory that `anakinra-t2d convert` wrote: {name} is missing.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / name} cannot be read: {error}.") from None
    if not isinstance(found, dict):
        raise InputError(f"{folder / name} is not what `anakinra-t2d convert` writes.")
    return found


def _check(converted: Converted, name: str, path: Path, definitions: Definitions) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except FileNotFoundError:
        raise InputError(f"{path} is missing, although datapackage.json names it.") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} is not a Parquet file that can be read: {error}.") from None
    for field_name, known in definitions.tables[name].fields.items():
        unit = definitions.unit(known)
        index = schema.get_field_index(field_name)
        metadata = (schema.field(index).metadata or {}) if index >= 0 else {}
        stated = metadata.get(b"unit", (unit or "").encode()).decode("utf-8", "replace")
        if stated != (unit or ""):
            converted.wrong_units[name, field_name] = stated
            converted.warnings.append(
                f"{name}.{field_name} is in {stated or 'no unit'}, but {unit or 'no unit'} is needed; "
                "its values are not used."
            )

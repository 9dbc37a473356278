"""Reads one damaged file as a command would, and says what a user must never see."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel

from anakinra_t2d.reading import InputError, SourceFile, TextTable, discover, open_tables
from anakinra_t2d.schema import load as load_schema
from anakinra_t2d.schema.where import data_root
from fuzz.seeds import DICTIONARY, EXPORT, SCHEMA_FILES

TABLES = ["vitals", "labs", "randomisation"]
Sentences = list[str]
Reader = Callable[[Path], Sentences]


class ForbiddenOutputError(AssertionError):
    """A sentence that a user must not see."""


def read(reader: str, path: Path) -> Sentences:
    """Read ``path``; everything wrong with it must become sentences without a path of this machine.

    Raises:
        Exception: whatever a reader lets through.
    """
    here = str(Path.cwd())
    said = READERS.get(reader, _submission)(path)
    for sentence in said:
        if not sentence.strip():
            raise ForbiddenOutputError("an empty sentence")
        if here in sentence or "Traceback" in sentence:
            raise ForbiddenOutputError(sentence[:300])
    return said


def _submission(path: Path) -> Sentences:
    scratch = Path(tempfile.mkdtemp(dir="."))
    try:
        found = discover([path], TABLES, scratch)
        said = [text for problem in found.problems for text in problem.details.values()]
        for file in (*found.files, *found.others):
            said += _all_of(open_tables(file))
        return [each for each in said if each]
    except InputError as error:
        return [str(error)]
    finally:
        shutil.rmtree(scratch)


def _all_of(tables: Iterable[TextTable]) -> Sentences:
    said: Sentences = []
    for table in tables:
        for batch in table:
            assert batch.row_numbers().len() == batch.cells.height
        for row in table.rejected:
            assert row.row <= row.last_row
        for problem in table.problems:
            said += [text for name, text in problem.details.items() if name == "problem"]
    return said


def _redcap(export: Path, dictionary: Path) -> Sentences:
    from anakinra_t2d.reading.redcap import redcap_tables

    export_file, dictionary_file = (SourceFile(None, path, path.name, "csv") for path in (export, dictionary))
    return _all_of(redcap_tables(export_file, dictionary_file))


def _redcap_export(path: Path) -> Sentences:
    Path("dictionary.csv").write_text(DICTIONARY, encoding="utf-8")
    return _redcap(path, Path("dictionary.csv"))


def _redcap_dictionary(path: Path) -> Sentences:
    Path("export.csv").write_text(EXPORT, encoding="utf-8")
    return _redcap(Path("export.csv"), path)


def _accepted(path: Path) -> Sentences:
    from anakinra_t2d.schema.accepted import read_accepted
    from anakinra_t2d.schema.yaml_source import SchemaError

    try:
        read_accepted(path)
    except SchemaError as error:
        return error.problems
    return []


def _answers(path: Path) -> Sentences:
    from anakinra_t2d.review.answers import read_answers

    try:
        read_answers(path)
    except InputError as error:
        return [str(error)]
    return []


def _profile(path: Path) -> Sentences:
    from anakinra_t2d.schema import definitions
    from anakinra_t2d.schema.loading import load_profile
    from anakinra_t2d.schema.yaml_source import SchemaError

    try:
        load_profile(path, definitions())
    except SchemaError as error:
        return error.problems
    return []


def _schema_file(model: Callable[[], type[BaseModel]]) -> Reader:
    def run(path: Path) -> Sentences:
        from anakinra_t2d.schema.loading import _Reader
        from anakinra_t2d.schema.yaml_source import SchemaError

        reader = _Reader(path.parent)
        try:
            reader.model(path.name, model())
            reader.stop_if_wrong()
        except SchemaError as error:
            return error.problems
        return []

    return run


def _table() -> type[BaseModel]:
    from anakinra_t2d.schema.tables import Table

    return Table


def _trial() -> type[BaseModel]:
    from anakinra_t2d.schema.trial import Trial

    return Trial


def _flow() -> type[BaseModel]:
    from anakinra_t2d.schema.flow import Flow

    return Flow


def _deidentification() -> type[BaseModel]:
    from anakinra_t2d.schema.deidentification import Deidentification

    return Deidentification


def whole(reader: str, path: Path) -> None:
    """Run the command itself: ``validate`` on data, reading all definitions on a file of the schema.

    Raises:
        Exception: whatever the command lets through, or a wrong exit status.
    """
    if reader in SCHEMA_FILES:
        _whole_schema(SCHEMA_FILES[reader], path)
        return
    if reader in ("answers", "accepted", "redcap_dictionary"):
        return
    from click.testing import CliRunner

    from anakinra_t2d.cli.main import main

    os.environ["ANAKINRA_T2D_DEBUG"] = "1"
    result = CliRunner().invoke(main, ["validate", str(path)])
    expected = ("InputError", "SchemaError", "ReadingError")
    if result.exception and type(result.exception).__name__ not in (*expected, "SystemExit"):
        raise result.exception
    if result.exit_code not in (0, 1, 2) or str(Path.cwd()) in result.output:
        raise ForbiddenOutputError(f"exit status {result.exit_code}: {result.output[:300]}")


def _whole_schema(name: str, path: Path) -> None:
    from anakinra_t2d.schema.yaml_source import SchemaError

    root = Path("whole")
    if not root.exists():
        shutil.copytree(data_root() / "schema", root / "schema")
    target = root / "schema" / name
    target.write_bytes(path.read_bytes())
    try:
        load_schema(root)
    except SchemaError as error:
        if any(str(Path.cwd()) in problem for problem in error.problems):
            raise ForbiddenOutputError(str(error)[:300]) from None
    finally:
        shutil.copy(data_root() / "schema" / name, target)


READERS: dict[str, Reader] = {
    "redcap_export": _redcap_export,
    "redcap_dictionary": _redcap_dictionary,
    "accepted": _accepted,
    "answers": _answers,
    "profile": _profile,
    "schema_table": _schema_file(_table),
    "schema_trial": _schema_file(_trial),
    "schema_flow": _schema_file(_flow),
    "schema_deidentification": _schema_file(_deidentification),
}
"""Readers of what is no submission; every other file is read as one."""

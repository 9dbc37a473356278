"""What reveals the arm of a patient or names a person, wherever it stands: names of files, columns, cells and texts."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field as Option
from pydantic import ValidationError, field_validator

from anakinra_t2d.schema.common import Basis, Definition, Name, RuleCode, Text
from anakinra_t2d.schema.yaml_source import SchemaError, read_yaml

Place = Literal["file_name", "column", "cell", "text"]
FILE = "schema/blinding.yaml"


class _Pattern(Definition):
    label: Text = Option(description="What it is, to follow `holds` or `names`.")
    pattern: Text = Option(description="Regular expression without look-around, searched in lower case.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        if re.search(r"\(\?[=!<]", pattern):
            raise ValueError("uses look-around, which not every engine has")
        return pattern


class Sign(_Pattern):
    """A form of text that reveals the arm or names a person.

    ``file_name``: the name of a data file or sheet. ``column``: a column that has values. ``cell``: a whole cell of a
    data file. ``text``: anywhere in a cell or in a line of any text file.
    """

    rule: RuleCode
    where: list[Place] = Option(min_length=1)


class RevealingCodes(Definition):
    """Codes of a field that reveal the arm, although the field belongs to an open table."""

    table: Name
    field: Name
    codes: list[Text] = Option(min_length=1)
    why: Text


class Blinding(Definition):
    """``schema/blinding.yaml``; the entries named ``blinded_`` count only where people must stay blinded."""

    title: Text
    why: Text
    source: Text
    basis: Basis
    signs: list[Sign]
    only_in_data: list[Text] = Option(
        default=[], description="Labels of identity patterns that count in data and letters only, not in program text."
    )
    blinded_codes: list[RevealingCodes]
    blinded_words: list[_Pattern]


@cache
def blinding(root: Path) -> Blinding:
    """Read the file below ``root``, the folder that holds ``schema/``.

    Raises:
        SchemaError: it is missing or wrong; each problem with the line.
    """
    try:
        source = read_yaml(root / FILE, FILE)
    except FileNotFoundError:
        raise SchemaError([f"{FILE}: the file is missing"]) from None
    try:
        return Blinding.model_validate_json(json.dumps(source.data), strict=True)
    except ValidationError as error:
        raise SchemaError(
            [
                f"{FILE}:{source.line(tuple(detail['loc']))}: {'.'.join(map(str, detail['loc']))}: "
                + detail["msg"].removeprefix("Value error, ")
                for detail in error.errors(include_url=False)
            ]
        ) from None

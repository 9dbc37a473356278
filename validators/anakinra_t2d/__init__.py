"""The anakinra trial in type 2 diabetes (NCT00303394) as data: definitions, checks and conversion to Parquet.

>>> import anakinra_t2d as trial
>>> trial.definitions().tables["ogtt"].fields["glucose_mmol_l"].label
'OGTT plasma glucose'
>>> trial.arrow_schema("ogtt").field("glucose_mmol_l").metadata[b"unit"]
b'mmol/L'
>>> outcome = trial.validate("examples/canonical")
>>> outcome.errors
0
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "1.0.0"

_PUBLIC = {
    "Definitions": "anakinra_t2d.schema",
    "Field": "anakinra_t2d.schema",
    "Finding": "anakinra_t2d.finding",
    "InputError": "anakinra_t2d.reading",
    "Location": "anakinra_t2d.finding",
    "Outcome": "anakinra_t2d.conversion.outcome",
    "OutputError": "anakinra_t2d.write.whole_directory",
    "SchemaError": "anakinra_t2d.schema",
    "Table": "anakinra_t2d.schema",
    "arrow_schema": "anakinra_t2d.forms.arrow",
    "convert": "anakinra_t2d.conversion.run",
    "data_package": "anakinra_t2d.forms.data_package",
    "definitions": "anakinra_t2d.schema",
    "derive": "anakinra_t2d.derivation.run",
    "pandera_schema": "anakinra_t2d.rows.pandera_schema",
    "read": "anakinra_t2d.released",
    "release": "anakinra_t2d.releases.run",
    "simulate": "anakinra_t2d.simulation",
    "validate": "anakinra_t2d.conversion.run",
}
__all__ = [
    "Definitions",
    "Field",
    "Finding",
    "InputError",
    "Location",
    "Outcome",
    "OutputError",
    "SchemaError",
    "Table",
    "__version__",
    "arrow_schema",
    "convert",
    "data_package",
    "definitions",
    "derive",
    "pandera_schema",
    "read",
    "release",
    "simulate",
    "validate",
]

if TYPE_CHECKING:
    from anakinra_t2d.conversion.outcome import Outcome
    from anakinra_t2d.conversion.run import convert, validate
    from anakinra_t2d.derivation.run import derive
    from anakinra_t2d.finding import Finding, Location
    from anakinra_t2d.forms.arrow import arrow_schema
    from anakinra_t2d.forms.data_package import data_package
    from anakinra_t2d.reading import InputError
    from anakinra_t2d.released import read
    from anakinra_t2d.releases.run import release
    from anakinra_t2d.rows.pandera_schema import pandera_schema
    from anakinra_t2d.schema import Definitions, Field, SchemaError, Table, definitions
    from anakinra_t2d.simulation import simulate
    from anakinra_t2d.write.whole_directory import OutputError


def __getattr__(name: str) -> Any:
    # heavy libraries are imported when a name is first used, so that a short command starts fast
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""The definitions: the trial as typed objects, read strictly from ``schema/``. Imports nothing of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anakinra_t2d.schema.contents import Definitions, Rule
from anakinra_t2d.schema.kept import definitions
from anakinra_t2d.schema.sites import Profile
from anakinra_t2d.schema.tables import Field, Table
from anakinra_t2d.schema.yaml_source import SchemaError

if TYPE_CHECKING:
    from anakinra_t2d.schema.loading import load, load_profile

__all__ = ["Definitions", "Field", "Profile", "Rule", "SchemaError", "Table", "definitions", "load", "load_profile"]


def __getattr__(name: str) -> Any:
    # reading YAML needs all checks of what refers to what, and most runs find the definitions ready
    if name in ("load", "load_profile"):
        from anakinra_t2d.schema import loading

        return getattr(loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

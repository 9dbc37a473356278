"""The definitions: the trial as typed objects, read strictly from ``schema/``. Imports nothing of the engine."""

from anakinra_t2d.schema.contents import Definitions, Rule
from anakinra_t2d.schema.load import definitions, load, load_profile
from anakinra_t2d.schema.sites import Profile
from anakinra_t2d.schema.tables import Field, Table
from anakinra_t2d.schema.yaml_source import SchemaError

__all__ = ["Definitions", "Field", "Profile", "Rule", "SchemaError", "Table", "definitions", "load", "load_profile"]

"""The classes of odmlib for Define-XML 2.1, with what ODM has beyond them: units and limits of a variable."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any


@cache
def models() -> SimpleNamespace:
    """Every element by its name.

    Define-XML 2.1 has neither units nor limits for a variable, and its XSD takes those of ODM 1.3.2. Readers of
    Define-XML alone skip them, so a comment must say the same in words.
    """
    import odmlib.define_2_1.model as define
    import odmlib.odm_1_3_2.model as odm
    from odmlib import typed as odmlib_typed

    base: Any = define
    of_odm: Any = odm
    typed: Any = odmlib_typed
    item = base.ItemDef
    # the order of the XSD, which wants an alias before the elements of Define-XML
    item_def = _class(
        item,
        {
            **{name: getattr(item, name) for name in item._attrs},
            "Description": item.Description,
            "MeasurementUnitRef": typed.ODMListObject(element_class=of_odm.MeasurementUnitRef),
            "RangeCheck": typed.ODMListObject(element_class=base.RangeCheck),
            "CodeListRef": item.CodeListRef,
            "Alias": item.Alias,
            "Origin": item.Origin,
            "ValueListRef": item.ValueListRef,
        },
    )
    study = _class(
        base.Study,
        {
            "OID": base.Study.OID,
            "GlobalVariables": base.Study.GlobalVariables,
            "BasicDefinitions": typed.ODMObject(element_class=of_odm.BasicDefinitions),
            "MetaDataVersion": base.Study.MetaDataVersion,
        },
    )
    units = {name: getattr(of_odm, name) for name in _UNITS}
    return SimpleNamespace(**{**vars(base), **units, "ItemDef": item_def, "Study": study})


_UNITS = ("BasicDefinitions", "MeasurementUnit", "MeasurementUnitRef", "Symbol")


def _class(base: Any, fields: dict[str, Any]) -> Any:
    """A class of the same name below ``base`` with ``fields`` in their order."""
    return type(base)(base.__name__, (base,), fields)

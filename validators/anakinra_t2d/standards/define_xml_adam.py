"""The analysis data sets for Define-XML: the subjects, and the values of parameters and endpoints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from anakinra_t2d.schema.readings import checked, with_readings
from anakinra_t2d.standards.define_xml_adam_subjects import subject_data_set
from anakinra_t2d.standards.define_xml_adam_values import value_data_set
from anakinra_t2d.standards.define_xml_content import LONGEST_NUMBER, Comment, Document, Standard
from anakinra_t2d.standards.define_xml_methods import CONTEXT

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

_STANDARD = Standard("ADaMIG", "1.3", "ADaM")


def adam_document(definitions: Definitions, readings: Mapping[str, str] | None = None) -> Document:
    """What ``export adam`` writes of data that were derived with ``readings``.

    Raises:
        ReadingError: a reading or choice does not exist.
    """
    trial = definitions.trial
    chosen = checked(definitions, readings or {})
    definitions = dataclasses.replace(definitions, endpoints=with_readings(definitions, chosen))
    others = ", ".join(f"{id} = {choice}" for id, choice in chosen.items())
    subjects = subject_data_set(definitions)
    return Document(
        id="adam",
        title=f"{trial.name} analysis data sets",
        data_sets=(subjects, value_data_set(definitions, subjects)),
        standard=_STANDARD,
        comment=Comment(
            f"The analysis data sets of {trial.name}, made from its tables and from what its converter derives. "
            "Predecessors are named as table.field of these tables or as a variable of a data set. "
            f"Formal expressions ({CONTEXT}) are the queries of the views that make the values; `export endpoints` "
            "writes a script of all views in the order in which they can be made. In them trial_subjects is everyone "
            f"for whom values are derived: {definitions.endpoints.subjects}. "
            f"Numbers are not rounded; the length {LONGEST_NUMBER} is that of any double, and the display format has "
            "the decimals to show. Units are UCUM codes. A variable whose table was not sent is left out of the data "
            "set." + (f" Open readings chosen otherwise than usual: {others}." if others else "")
        ),
    )

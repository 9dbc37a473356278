"""Define-XML 2.1: what the analysis data sets, the SDTM data sets or the tables hold, for programs and reviewers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from anakinra_t2d.standards.define_xml_elements import define_xml_text

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.standards.define_xml_content import Document

DescribedAs = Literal["adam", "sdtm", "tables"]
DESCRIBED: tuple[DescribedAs, ...] = get_args(DescribedAs)


def define_xml(
    definitions: Definitions,
    described: DescribedAs = "adam",
    data: Path | None = None,
    readings: Mapping[str, str] | None = None,
) -> bytes:
    """A Define-XML document; the same bytes on every run.

    Args:
        definitions: the definitions.
        described: the analysis data sets that ``export adam`` writes, the SDTM data sets that ``export sdtm`` writes,
            or the tables that ``convert`` writes.
        data: a directory with these data sets. The document then has the variables that are there, with the lengths
            of their values; else all that the definitions know.
        readings: other choices of open readings, with which parameters and endpoints were derived.

    Raises:
        ReadingError: a reading or choice does not exist.
        InputError: the directory holds none of the data sets, or has variables that the definitions do not know.
    """
    found = document(definitions, described, readings)
    if data is not None:
        from anakinra_t2d.standards.define_xml_data import of_directory

        found = of_directory(found, data)
    return define_xml_text(found, definitions, release_moment(definitions))


def document(definitions: Definitions, described: DescribedAs, readings: Mapping[str, str] | None = None) -> Document:
    """What the document says, before it is XML.

    Raises:
        ReadingError: a reading or choice does not exist.
    """
    if described == "adam":
        from anakinra_t2d.standards.define_xml_adam import adam_document

        return adam_document(definitions, readings)
    if described == "sdtm":
        from anakinra_t2d.standards.define_xml_sdtm import sdtm_document

        return sdtm_document(definitions)
    from anakinra_t2d.standards.define_xml_tables import tables_document

    return tables_document(definitions)


def release_moment(definitions: Definitions) -> str:
    """When this version of the definitions was released, as the time of a document made from them."""
    return f"{definitions.trial.released.isoformat()}T00:00:00+00:00"

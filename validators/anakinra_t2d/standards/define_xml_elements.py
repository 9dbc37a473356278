"""A document as the elements of Define-XML 2.1, made with odmlib."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from anakinra_t2d.standards.define_xml_content import (
    CodeList,
    Comment,
    DataSet,
    Document,
    Item,
    Method,
    Value,
    Variable,
)
from anakinra_t2d.standards.define_xml_models import models

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

VERSION = "2.1.0"
PAPER = "LF.PAPER"
_STANDARD = "STD.1"
_NAMESPACES = {
    "odm": "http://www.cdisc.org/ns/odm/v1.3",
    "def": "http://www.cdisc.org/ns/def/v2.1",
    "xlink": "http://www.w3.org/1999/xlink",
}
_DICTIONARIES = {
    "LOINC": "https://loinc.org/",
    "MedDRA": "https://www.meddra.org/",
    "WHO ATC CLASSIFICATION SYSTEM": "https://atcddd.fhi.no/atc_ddd_index/",
}


def define_xml_text(document: Document, definitions: Definitions, moment: str) -> bytes:
    """The document as XML, with ``moment`` (ISO 8601) as the time of its creation; the same bytes on every run.

    Raises:
        ValueError: two codelists or methods share an id.
    """
    import xml.etree.ElementTree as ET

    from odmlib import ns_registry

    root: Any = _Writer(document, definitions).root(moment).to_xml()
    ET.indent(root)
    registry: Any = ns_registry
    registry.NamespaceRegistry().set_odm_namespace_attributes(
        root, namespaces=_NAMESPACES, default={"odm": _NAMESPACES["odm"]}
    )
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


class _Writer:
    """Turns one document into elements; comments get their ids in the order in which they are met."""

    def __init__(self, document: Document, definitions: Definitions) -> None:
        self._document = document
        self._trial = definitions.trial
        self._model = models()
        items = list(document.items())
        self._codelists = _by_id(item.codelist for item in items if item.codelist)
        self._methods = _by_id(item.method for item in items if item.method)
        comments = [document.comment, *(one.comment for one in document.data_sets), *(one.comment for one in items)]
        unique = dict.fromkeys(comment for comment in comments if comment)
        self._comments = {comment: f"COM.{place}" for place, comment in enumerate(unique, 1)}

    def root(self, moment: str) -> Any:
        model, document, trial = self._model, self._document, self._trial
        return model.ODM(
            FileType="Snapshot",
            FileOID=f"{trial.name}.{document.id}.{trial.version}",
            CreationDateTime=moment,
            AsOfDateTime=moment,
            ODMVersion="1.3.2",
            Originator=f"The {trial.name} contributors",
            SourceSystem=trial.name,
            SourceSystemVersion=trial.version,
            Context="Other",
            Study=self._study(),
        )

    def _study(self) -> Any:
        model, document, trial = self._model, self._document, self._trial
        names = model.GlobalVariables(
            StudyName=model.StudyName(_content=trial.registry),
            StudyDescription=model.StudyDescription(_content=f"{trial.title}. {trial.design}"),
            ProtocolName=model.ProtocolName(_content=trial.name),
        )
        units = sorted({item.unit for item in document.items() if item.unit})
        more = {"BasicDefinitions": self._units(units)} if units else {}
        return model.Study(
            OID=f"STUDY.{trial.registry}", GlobalVariables=names, MetaDataVersion=self._version(), **more
        )

    def _units(self, units: list[str]) -> Any:
        model = self._model
        return model.BasicDefinitions(
            MeasurementUnit=[
                model.MeasurementUnit(
                    OID=f"MU.{unit}",
                    Name=unit,
                    Symbol=model.Symbol(TranslatedText=[model.TranslatedText(lang="en", _content=unit)]),
                    Alias=[model.Alias(Context="UCUM", Name=unit)],
                )
                for unit in units
            ]
        )

    def _version(self) -> Any:
        model, document, trial = self._model, self._document, self._trial
        variables = [(one, variable) for one in document.data_sets for variable in one.variables]
        valued = [(one, variable) for one, variable in variables if variable.values]
        more: dict[str, Any] = {}
        if document.standard:
            more["Standards"] = model.Standards(
                Standard=[
                    model.Standard(
                        OID=_STANDARD,
                        Name=document.standard.name,
                        Type="IG",
                        Version=document.standard.version,
                        Status="Final",
                    )
                ]
            )
        return model.MetaDataVersion(
            OID=f"MDV.{trial.name}.{document.id}.{trial.version}",
            Name=document.title,
            Description=f"{document.title}, from version {trial.version} of the definitions",
            DefineVersion=VERSION,
            CommentOID=self._comments[document.comment],
            SupplementalDoc=model.SupplementalDoc(DocumentRef=[model.DocumentRef(leafID=PAPER)]),
            ValueListDef=[self._value_list(one, variable) for one, variable in valued],
            WhereClauseDef=[element for one, variable in valued for element in self._where_clauses(one, variable)],
            ItemGroupDef=[self._data_set(one) for one in document.data_sets],
            ItemDef=[element for one, variable in variables for element in self._items(one, variable)],
            CodeList=[self._codelist(one) for one in self._codelists.values()],
            MethodDef=[self._method(one) for one in self._methods.values()],
            CommentDef=[self._comment(oid, comment) for comment, oid in self._comments.items()],
            leaf=[self._leaf(PAPER, f"https://doi.org/{trial.publication.doi}", trial.publication.citation)],
            **more,
        )

    def _data_set(self, one: DataSet) -> Any:
        model = self._model
        more: dict[str, Any] = {}
        if one.sas_names:
            more["SASDatasetName"] = one.name
        if one.domain:
            more["Domain"] = one.domain
        if self._document.standard and one.standard:
            more["StandardOID"] = _STANDARD
        else:
            more["IsNonStandard"] = "Yes"
        if one.group:
            more["Class"] = model.Class(Name=one.group)
        if one.empty:
            more["HasNoData"] = "Yes"
        else:
            more |= {"ArchiveLocationID": f"LF.{one.name}", "leaf": self._leaf(f"LF.{one.name}", one.file, one.file)}
        return model.ItemGroupDef(
            OID=f"IG.{one.name}",
            Name=one.name,
            Repeating="Yes" if one.repeating else "No",
            IsReferenceData="Yes" if one.reference else "No",
            Purpose=one.purpose,
            Structure=one.structure,
            **self._commented(one.comment),
            Description=self._words(one.label),
            ItemRef=[self._item_ref(one, place, variable) for place, variable in enumerate(one.variables, 1)],
            **more,
        )

    def _item_ref(self, one: DataSet, place: int, variable: Variable) -> Any:
        more: dict[str, Any] = {}
        if variable.name in one.key:
            more["KeySequence"] = one.key.index(variable.name) + 1
        if variable.item.method:
            more["MethodOID"] = f"MT.{variable.item.method.id}"
        if self._document.standard and one.standard and not variable.standard:
            more["IsNonStandard"] = "Yes"
        return self._model.ItemRef(
            ItemOID=_item_id(one, variable),
            OrderNumber=place,
            Mandatory="Yes" if variable.mandatory else "No",
            **more,
        )

    def _value_list(self, one: DataSet, variable: Variable) -> Any:
        model = self._model
        return model.ValueListDef(
            OID=f"VL.{one.name}.{variable.name}",
            ItemRef=[
                model.ItemRef(
                    ItemOID=_item_id(one, variable, value),
                    OrderNumber=place,
                    Mandatory="No",
                    **({"MethodOID": f"MT.{value.item.method.id}"} if value.item.method else {}),
                    WhereClauseRef=[model.WhereClauseRef(WhereClauseOID=_where_id(one, variable, value))],
                )
                for place, value in enumerate(variable.values, 1)
            ],
        )

    def _where_clauses(self, one: DataSet, variable: Variable) -> Iterator[Any]:
        model = self._model
        for value in variable.values:
            yield model.WhereClauseDef(
                OID=_where_id(one, variable, value),
                RangeCheck=[
                    model.RangeCheck(
                        Comparator="EQ" if len(allowed) == 1 else "IN",
                        SoftHard="Soft",
                        ItemOID=f"IT.{one.name}.{name}",
                        CheckValue=[model.CheckValue(_content=code) for code in allowed],
                    )
                    for name, allowed in value.where
                ],
            )

    def _items(self, one: DataSet, variable: Variable) -> Iterator[Any]:
        more = {"SASFieldName": variable.name} if one.sas_names else {}
        if variable.values:
            reference = self._model.ValueListRef(ValueListOID=f"VL.{one.name}.{variable.name}")
            more["ValueListRef"] = reference
        yield self._item(_item_id(one, variable), variable.name, variable.item, **more)
        for value in variable.values:
            yield self._item(_item_id(one, variable, value), variable.name, value.item)

    def _item(self, oid: str, name: str, item: Item, **more: Any) -> Any:
        model = self._model
        given: dict[str, Any] = {
            "Length": item.length,
            "SignificantDigits": item.decimals,
            "DisplayFormat": item.display,
            "CodeListRef": item.codelist and model.CodeListRef(CodeListOID=f"CL.{item.codelist.id}"),
            "Origin": item.origin and [self._origin(item)],
            "MeasurementUnitRef": item.unit and [model.MeasurementUnitRef(MeasurementUnitOID=f"MU.{item.unit}")],
            "RangeCheck": [
                model.RangeCheck(
                    Comparator=check.comparator,
                    SoftHard="Hard" if check.hard else "Soft",
                    ItemOID=oid,
                    CheckValue=[model.CheckValue(_content=check.value)],
                )
                for check in item.checks
            ],
            "Alias": [model.Alias(Context=context, Name=code) for context, code in item.aliases],
        }
        return model.ItemDef(
            OID=oid,
            Name=name,
            DataType=item.data_type,
            **{key: value for key, value in given.items() if value not in (None, [])},
            **self._commented(item.comment),
            Description=self._words(item.label),
            **more,
        )

    def _origin(self, item: Item) -> Any:
        origin = item.origin
        assert origin is not None
        more: dict[str, Any] = {"Source": origin.source} if origin.source else {}
        if origin.words:
            more["Description"] = self._words(origin.words)
        return self._model.Origin(Type=origin.type, **more)

    def _codelist(self, one: CodeList) -> Any:
        model = self._model
        content: dict[str, Any] = {}
        if one.dictionary:
            link = _DICTIONARIES.get(one.dictionary)
            content["ExternalCodeList"] = model.ExternalCodeList(
                Dictionary=one.dictionary, **({"href": link} if link else {})
            )
        elif any(code.label is not None for code in one.codes):
            content["CodeListItem"] = [
                model.CodeListItem(
                    CodedValue=code.value,
                    OrderNumber=place,
                    Decode=model.Decode(
                        TranslatedText=[model.TranslatedText(lang="en", _content=code.label or code.value)]
                    ),
                )
                for place, code in enumerate(one.codes, 1)
            ]
        else:
            content["EnumeratedItem"] = [
                model.EnumeratedItem(CodedValue=code.value, OrderNumber=place)
                for place, code in enumerate(one.codes, 1)
            ]
        if one.note:
            content["Description"] = self._words(one.note)
        # a public dictionary is no terminology of the sponsor
        more = {} if one.dictionary else {"IsNonStandard": "Yes"}
        return model.CodeList(OID=f"CL.{one.id}", Name=one.name, DataType=one.data_type, **more, **content)

    def _method(self, one: Method) -> Any:
        model = self._model
        more: dict[str, Any] = {}
        if one.expression:
            more["FormalExpression"] = [
                model.FormalExpression(Context=one.expression.context, _content=one.expression.text)
            ]
        if one.from_paper:
            more["DocumentRef"] = [model.DocumentRef(leafID=PAPER)]
        return model.MethodDef(
            OID=f"MT.{one.id}", Name=one.name, Type=one.type, Description=self._words(one.words), **more
        )

    def _comment(self, oid: str, comment: Comment) -> Any:
        model = self._model
        more = {"DocumentRef": [model.DocumentRef(leafID=PAPER)]} if comment.from_paper else {}
        return model.CommentDef(OID=oid, Description=self._words(comment.words), **more)

    def _commented(self, comment: Comment | None) -> Mapping[str, str]:
        return {"CommentOID": self._comments[comment]} if comment else {}

    def _leaf(self, identifier: str, target: str, title: str) -> Any:
        model = self._model
        return model.leaf(ID=identifier, href=target, title=model.title(_content=title))

    def _words(self, text: str) -> Any:
        model = self._model
        return model.Description(TranslatedText=[model.TranslatedText(lang="en", _content=text)])


def _item_id(one: DataSet, variable: Variable, value: Value | None = None) -> str:
    return f"IT.{one.name}.{variable.name}" + (f".{value.id}" if value else "")


def _where_id(one: DataSet, variable: Variable, value: Value) -> str:
    return f"WC.{one.name}.{variable.name}.{value.id}"


def _by_id(found: Iterable[Any]) -> dict[str, Any]:
    """Codelists or methods by id, in the order in which they are met."""
    kept: dict[str, Any] = {}
    for one in found:
        if kept.setdefault(one.id, one) != one:
            raise ValueError(f"Two {type(one).__name__}s of a Define-XML document share the id {one.id}.")
    return kept

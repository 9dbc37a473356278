"""What stands in the variables of SDTM data sets: their types, terms in the words of the profile, and short labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from anakinra_t2d.schema import Definitions, Field
from anakinra_t2d.schema.sites import BOOLEAN, FieldLayout, Profile
from anakinra_t2d.standards.sdtm_variables import general_name
from anakinra_t2d.write.transport_file import LONGEST_TEXT, transport_text

LONGEST_LABEL = 40


@dataclass(frozen=True)
class SubmittedTerm:
    """A term as it stands in the data set, with the code of the trial and its label."""

    text: str
    code: str
    label: str


def variable_type(column: str, field: Field) -> str:
    """Type of the variable that holds a field; what SDTM keeps as text stays text."""
    if general_name(column, column[:2]).endswith("DTC") and field.type not in ("date", "datetime"):
        return "partialDate"
    return {"number": "float", "integer": "integer", "date": "date", "datetime": "datetime"}.get(field.type, "text")


def submitted_terms(
    field: Field, entry: FieldLayout, profile: Profile, found: Definitions
) -> tuple[SubmittedTerm, ...]:
    """The terms of a field in the words of the profile; empty for a field without a codelist.

    A code for which the profile has no text stands for itself; one whose own text means another code is left out.
    """
    codes = ["true", "false"] if field.type == "boolean" else found.terms(field)
    if codes is None:
        return ()
    listed = BOOLEAN if field.type == "boolean" else field.codelist or ""
    known = profile.codes.get(listed, {})
    meant = {text.casefold(): code for words in (known, entry.codes) for text, code in words.items()}
    labels = {term.code: term.label for term in found.codelists[listed].terms} if field.codelist else {}
    terms = []
    for code in codes:
        texts = [text for words in (entry.codes, known) for text, of in words.items() if of == code]
        text = next((each for each in [*texts, code] if meant.get(each.casefold(), code) == code), None)
        if text is not None:
            terms.append(SubmittedTerm(text, code, labels.get(code, code)))
    return tuple(terms)


def codelist_id(field: Field, entry: FieldLayout, place: str) -> str:
    """Id of a list of terms, with ``place`` (data set and variable, or test) where no other variable shares it."""
    listed = BOOLEAN if field.type == "boolean" else field.codelist or ""
    return f"{listed}.{place}" if entry.codes or field.terms else listed


def text_length(terms: Iterable[SubmittedTerm]) -> int:
    """Characters of the longest term, or of the longest text where there are no terms."""
    return max((len(term.text) for term in terms), default=LONGEST_TEXT)


@cache
def shortened(label: str) -> str:
    """A label of at most 40 ASCII characters: without what stands in brackets at its end, then cut after a word."""
    plain = transport_text(label)
    if len(plain) > LONGEST_LABEL and plain.endswith(")"):
        plain = plain.rpartition(" (")[0] or plain
    if len(plain) <= LONGEST_LABEL:
        return plain
    return plain[: LONGEST_LABEL + 1].rpartition(" ")[0] or plain[:LONGEST_LABEL]

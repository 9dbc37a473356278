"""How alike the name of a column and the names of a field are."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from anakinra_t2d.profiling.unit_words import UnitWords
from anakinra_t2d.reading.header_row import name_and_unit
from anakinra_t2d.schema import Definitions, Field, Table
from anakinra_t2d.schema.sites import OVER

EXACT_NAME = 1.0
"""The column is named as the field."""
ALMOST_NAME = 0.97
"""The column is named as the field but for marks and letter case; less than a label, whose unit stands in brackets."""
EXACT_WORD = 0.98
"""The column is named by a label or synonym of the field."""
EXACT_CODE = 0.95
"""The column is named by a code of a public terminology, which several fields may share."""
BARE_NAME = 0.96
"""The column is named as the field without its unit."""
ALIKE = 0.94
"""What a name that is only alike is worth at most: times the share of equal letters."""
FEWEST_ALIKE = 80
"""Names with fewer equal letters (of 100) have nothing to do with each other."""
PART = 0.7
"""All words of the one name are among those of the other."""
OTHER_DIGITS = 0.5
"""The names differ in their digits: IL-6 and IL-8 are two things."""
SHORT = 3
"""A name of so few letters must be equal: HDL and LDL are two things."""

MOST_UNIT_WORDS = 4
"""So many words at the end of a name are tried as its unit."""

_ALL_WORDS = 99.9
_SEPARATORS = re.compile(r"[\s_./,;:()\[\]-]+")
_DIGITS = re.compile(r"\d+")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])")
_DIGRAPHS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "a", "å": "a", "ß": "ss", "œ": "o", "đ": "d", "µ": "u", "μ": "u", "α": "alpha"}
)


def fold(text: str) -> str:
    """Letters and digits only, lower case, without accents: ``Größe``, ``Groesse`` and ``GROSSE`` are the same."""
    lower = text.casefold().translate(_LETTERS)
    plain = "".join(char for char in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(char))
    for digraph, letter in _DIGRAPHS:
        plain = plain.replace(digraph, letter)
    return "".join(char for char in plain if char.isalnum())


def words(text: str) -> list[str]:
    """The folded words of a name; a capital after a small letter begins a new one."""
    return [folded for part in _SEPARATORS.split(_CAMEL.sub(" ", text)) if (folded := fold(part))]


@dataclass(frozen=True)
class Form:
    """One reading of a header: a name, and the text beside it that may be a unit."""

    name: str
    unit: str | None = None
    is_marked: bool = False


def forms(header: str) -> list[Form]:
    """The readings of a header: as a whole, without a unit in brackets, and without the last words."""
    whole = Form(header.strip())
    name, unit = name_and_unit(header)
    if unit is not None:
        return [Form(name, unit, is_marked=True), whole]
    found = [whole]
    ends = [match for match in _SEPARATORS.finditer(whole.name) if match.start() and match.end() < len(whole.name)]
    found.extend(Form(whole.name[: match.start()], whole.name[match.end() :]) for match in ends[-MOST_UNIT_WORDS:])
    return found


@dataclass(frozen=True)
class Likeness:
    """How alike a header is to a field: 0 to 1, the reading of the header, and the way they are alike."""

    score: float
    form: Form
    way: str


@dataclass(frozen=True)
class _Owner:
    """A field (by its place) that has a name, what an equal name is worth, and what kind of name it is."""

    field: int
    weight: float
    way: str


class FieldNames:
    """Every name by which the fields of the trial are known."""

    def __init__(self, found: Definitions, units: UnitWords) -> None:
        self.units = units
        self._sent = names_sent(found)
        self.fields: list[Field] = []
        owners: dict[tuple[str, str], list[_Owner]] = defaultdict(list)
        self._exact: dict[str, list[_Owner]] = defaultdict(list)
        for table in found.tables.values():
            if table.role == "lineage":
                continue
            for field in table.fields.values():
                for text, weight, way in self._texts(found, table, field):
                    owner = _Owner(len(self.fields), weight, way)
                    owners[fold(text), " ".join(words(text))].append(owner)
                    self._exact[fold(text)].append(owner)
                self.fields.append(field)
        self._names = [name for name, _ in owners]
        self._words = [text for _, text in owners]
        self._owners = list(owners.values())
        self._seen: dict[str, dict[int, tuple[float, str]]] = {}

    def _texts(self, found: Definitions, table: Table, field: Field) -> Iterator[tuple[str, float, str]]:
        yield field.name, EXACT_NAME, "name"
        if bare := self.units.without_unit(field):
            yield bare, BARE_NAME, "name"
        same = [field, *kin(found, table, field)]
        for each in same:
            yield each.label, EXACT_WORD, "label"
        for word in dict.fromkeys(word for each in same for word in each.synonyms):
            yield word, EXACT_WORD, "synonym"
        for code in dict.fromkeys(code for each in same for code in (each.codes.loinc, each.codes.cdisc)):
            if code:
                yield code, EXACT_CODE, "code"
        for profile, text in self._sent.get((table.name, field.name), ()):
            yield text, EXACT_WORD, f"name in {profile}"

    def known(self) -> frozenset[str]:
        """Every name in lower case, as a search for the row of the header needs them."""
        return frozenset(name for name in self._names if len(name) > 1) | frozenset(
            text.lower()
            for field in self.fields
            for text in (
                *(field.name, field.label, *field.synonyms),
                *(name for _, name in self._sent.get((field.table, field.name), ())),
            )
        )

    def named(self, text: str, least: float) -> list[Field]:
        """Fields that have the text as a name of at least this weight."""
        named = {owner.field for owner in self._exact.get(fold(text), ()) if owner.weight >= least}
        return [self.fields[place] for place in sorted(named)]

    def compare(self, headers: Sequence[str]) -> list[dict[int, Likeness]]:
        """For each header the fields (by their place in ``fields``) that it is alike to."""
        readings = [forms(header) for header in headers]
        self._look_at({form.name for each in readings for form in each} - self._seen.keys())
        found: list[dict[int, Likeness]] = []
        for each in readings:
            best: dict[int, Likeness] = {}
            for form in each:
                is_tried = form.unit is not None and not form.is_marked
                for field, (score, way) in self._seen[form.name].items():
                    if score == EXACT_NAME and form.name.lower() != self.fields[field].name:
                        score = ALMOST_NAME
                    if is_tried and self.units.suffix(form.unit or "", self.fields[field]) is None:
                        continue
                    if field not in best or score > best[field].score:
                        best[field] = Likeness(score, form, way)
            found.append(dict(sorted(best.items())))
        return found

    def _look_at(self, texts: set[str]) -> None:
        """Compare names with those of the fields, each once."""
        import numpy as np
        from rapidfuzz import fuzz, process

        new = sorted(texts)
        if not new:
            return
        folded = [fold(text) for text in new]
        letters = process.cdist(folded, self._names, scorer=fuzz.ratio, dtype=np.float32, score_cutoff=FEWEST_ALIKE)
        split = [" ".join(words(text)) for text in new]
        parts = process.cdist(
            split, self._words, scorer=fuzz.token_set_ratio, dtype=np.float32, score_cutoff=_ALL_WORDS
        )
        for place, text in enumerate(new):
            hits = np.flatnonzero((letters[place] > 0) | (parts[place] > 0)).tolist()
            self._seen[text] = self._scores(folded[place], {hit: float(letters[place][hit]) for hit in hits})

    def _scores(self, name: str, hits: Mapping[int, float]) -> dict[int, tuple[float, str]]:
        """Scores by field for the names with so many equal letters of 100, 0 for those that share words only."""
        digits = _DIGITS.findall(name)
        found: dict[int, tuple[float, str]] = {}
        for hit, letters in hits.items():
            other = self._names[hit]
            is_short = min(len(name), len(other)) <= SHORT
            for owner in self._owners[hit]:
                score, way = owner.weight, owner.way
                if name != other:
                    if is_short:
                        continue
                    if _DIGITS.findall(other) != digits:
                        score, way = OTHER_DIGITS, f"similar {way}"
                    elif letters:
                        score, way = ALIKE * score * letters / 100, f"similar {way}"
                    else:
                        score, way = PART * score, f"part of the {way}"
                if owner.field not in found or score > found[owner.field][0]:
                    found[owner.field] = score, way
        return found


def kin(found: Definitions, table: Table, field: Field) -> list[Field]:
    """Fields of the same name and kind in other tables, whose names count for this one too."""
    others = [each for each in found.tables.values() if each is not table and field.name in each.fields]
    return [each.fields[field.name] for each in others if same_kind(field, each.fields[field.name])]


def names_sent(found: Definitions) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Names that published profiles give to fields, by table and field, with the name of the profile."""
    sent: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for profile in found.profiles.values():
        for sheet in profile.sheets:
            for layout in sheet.tables:
                for name in layout.fields:
                    for column in layout.field(name).columns:
                        text = column.replace(OVER, " ").strip(" _-")
                        sent[layout.table, name].setdefault(text, profile.name)
                for name, texts in (layout.tests.names if layout.tests else {}).items():
                    for text in texts:
                        sent[layout.table, name].setdefault(text, profile.name)
    return {key: [(profile, text) for text, profile in each.items()] for key, each in sent.items()}


def same_kind(one: Field, other: Field) -> bool:
    """Whether two fields of the same name mean the same."""
    return (one.name, one.type, one.codelist, one.quantity) == (
        other.name,
        other.type,
        other.codelist,
        other.quantity,
    )

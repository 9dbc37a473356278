"""Values of the tables as the cells of SDTM data sets, each held against what the converter reads in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from anakinra_t2d.harmonise.cells import CellReader
from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.schema import Definitions, Field
from anakinra_t2d.schema.sites import FieldLayout, Profile
from anakinra_t2d.standards.canonical_text import canonical_text
from anakinra_t2d.standards.sdtm_terms import submitted_terms
from anakinra_t2d.write.transport_file import transport_text

RECORD, STATUS, LIMIT, RAW, FLAG = ":record", ":status", ":limit", ":raw", ":flag"
"""Columns of the flags of one field: number of the record, what the result is, its limit, its text, row of the flag."""

NO_TERM = "have no term in the profile, and are left out"
READ_OTHERWISE = "would be read back as an empty cell or as another value"
NOT_HELD = "are not plain ASCII or longer than 200 bytes, and stand without marks or cut"
"""Why a data set does not hold values as they are, in words that follow "values of ... that"."""


@dataclass
class Losses:
    """Values that the data sets cannot hold, by table, field and reason."""

    values: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, of: Field, reason: str, number: int) -> None:
        """Note ``number`` values of a field."""
        if number:
            self.values[of.table, of.name, reason] += number


@dataclass(frozen=True)
class Cells:
    """The cells of one field: ``texts`` as sent; ``placed`` are the numbers of flags that a cell says."""

    texts: pl.Series
    placed: pl.Series


class CellWriter:
    """Writes the cells of ``field`` that stand as text.

    Every text is read again with the reader of the converter: a value that would come back as another one, or not at
    all, is counted in ``losses``. A code without a term in the profile is left empty, any other text stands.
    """

    def __init__(
        self, of: Field, layout: FieldLayout, profile: Profile, definitions: Definitions, losses: Losses
    ) -> None:
        self._field = of
        self._profile = profile
        self._losses = losses
        notation = Notation.of(profile, of, layout, definitions)
        self._is_subject = notation.subjects is not None
        self._is_coded = of.codelist is not None or of.type == "boolean"
        self._terms = {term.code: term.text for term in submitted_terms(of, layout, profile, definitions)}
        self._reader = CellReader(of, definitions, notation)

    def write(self, values: pl.Series, flags: pl.DataFrame | None = None) -> Cells:
        """The cells of typed ``values``, null for an empty one.

        ``flags`` are those of the field, with the columns named above: the text that was sent stands in the cell
        where the converter makes the same flag of it again.
        """
        canonical = canonical_text(values, self._field)
        distinct = canonical.drop_nulls().unique(maintain_order=True)
        sent = pl.Series([self._sent(text) for text in distinct], dtype=pl.String)
        back = self._reader.read(sent, None).values
        kept = back.eq_missing(distinct) if self._is_coded else sent.is_not_null()
        texts = canonical.replace_strict(distinct.filter(kept), sent.filter(kept), default=None, return_dtype=pl.String)
        self._count(canonical, pl.DataFrame({"value": distinct, "sent": sent, "back": back, "kept": kept}))
        if flags is None or flags.is_empty():
            return Cells(texts, pl.Series(FLAG, [], dtype=pl.Int64))
        return self._with_flags(texts, flags, canonical.is_null())

    def _sent(self, canonical: str) -> str:
        if self._is_subject and self._profile.subjects is not None:
            return self._profile.subjects.to_sent(canonical)
        return self._terms.get(canonical, canonical)

    def _count(self, canonical: pl.Series, texts: pl.DataFrame) -> None:
        sent = texts["sent"]
        held = sent == pl.Series([transport_text(text) for text in sent], dtype=pl.String)
        kept, same = texts["kept"], texts["back"].eq_missing(texts["value"])
        for reason, which in ((NO_TERM, ~kept), (READ_OTHERWISE, kept & ~same), (NOT_HELD, kept & ~held)):
            values = texts["value"].filter(which).to_list()
            self._losses.add(self._field, reason, int(canonical.is_in(values).sum()) if values else 0)

    def _with_flags(self, texts: pl.Series, flags: pl.DataFrame, empty: pl.Series) -> Cells:
        rows = flags.filter(pl.col(RAW).is_not_null() & empty.gather(flags[RECORD]))
        rows = rows.filter(pl.col(RAW).map_elements(transport_text, return_dtype=pl.String) == pl.col(RAW))
        found = self._reader.read(rows[RAW], None).flags
        read = rows[found["position"]]
        limits = found["limit_value"].cast(pl.Float64)
        same = (found["result_status"] == read[STATUS]) & limits.eq_missing(read[LIMIT].cast(pl.Float64))
        kept = read.filter(same & (found["value_raw"] == read[RAW]))
        return Cells(texts.scatter(kept[RECORD], kept[RAW]), kept[FLAG])

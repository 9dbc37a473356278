"""How one site writes the cells of one field, as far as its profile and its files say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace

from anakinra_t2d.schema import Definitions, Field
from anakinra_t2d.schema.sites import BOOLEAN, FieldLayout, Profile, SubjectNumbers

_OUTER = " \t\n\r\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


@dataclass(frozen=True)
class Notation:
    """How one site writes the cells of one field.

    ``dates`` are layouts as in ``Profile.dates``; ``missing``, ``results`` and ``codes`` have case-folded keys.
    ``subjects`` is set only when the field is a subject number. ``midnights`` says that the format does not tell a
    date from a date and time at midnight; ``epoch`` is day 0 of the serial numbers that a spreadsheet keeps for dates,
    as YYYY-MM-DD. ``typed`` says that the format keeps numbers as numbers: their text has a point whatever
    ``decimal`` says of texts. ``profiled`` says that a profile is in use.
    """

    decimal: str = "."
    thousands: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    two_digit_years_from: int | None = None
    missing: frozenset[str] = frozenset()
    results: Mapping[str, str] = dataclasses.field(default_factory=dict)
    units: Mapping[str, str] = dataclasses.field(default_factory=dict)
    codes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    subjects: SubjectNumbers | None = None
    confirmed: bool = False
    midnights: bool = False
    epoch: str | None = None
    typed: bool = False
    profiled: bool = False

    @classmethod
    def of(
        cls,
        profile: Profile | None,
        field: Field,
        layout: FieldLayout | None,
        definitions: Definitions,  # noqa: ARG003
    ) -> Notation:
        """What ``profile`` says of the cells of ``field``, which stands as ``layout`` says."""
        if profile is None:
            return cls()
        listed = BOOLEAN if field.type == "boolean" else field.codelist
        codes = {**(profile.codes.get(listed, {}) if listed else {}), **(layout.codes if layout else {})}
        is_subject = profile.subjects is not None and field.name in profile.subjects.fields
        return cls(
            decimal=profile.decimal,
            thousands=tuple(profile.thousands),
            dates=tuple(profile.dates),
            two_digit_years_from=profile.two_digit_years_from,
            missing=frozenset(bare(word).casefold() for word in profile.missing),
            results={word.casefold(): status for word, status in profile.results.items()},
            units=dict(profile.units),
            codes={bare(text).casefold(): code for text, code in codes.items()},
            subjects=profile.subjects if is_subject else None,
            confirmed=layout is not None and layout.confirmed,
            profiled=True,
        )

    @property
    def is_of_a_site(self) -> bool:
        """Whether anything is known beyond the format of the file."""
        return replace(self, midnights=False, epoch=None, typed=False) != Notation()

    def is_missing(self, text: str) -> bool:
        """Whether a text without outer spaces stands for an empty cell."""
        return not text or (bool(self.missing) and text.casefold() in self.missing)


def bare(text: str) -> str:
    """The text without the spaces around it; control characters stay, for they are a problem of their own."""
    return text.strip(_OUTER)

"""What is measured, once: canonical unit, conversions and the spellings sites use."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Annotated, Literal

from pydantic import Field as Option
from pydantic import model_validator

from anakinra_t2d.schema.common import Definition, Name, Text

SIGNIFICANT_DIGITS = 12
"""A converted value keeps so many digits: more than any assay has, fewer than the noise of a repeating fraction."""
_EXACT = Context(prec=50)
_ROUNDED = Context(prec=SIGNIFICANT_DIGITS)

DecimalText = Annotated[str, Option(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]


class Conversion(Definition):
    """How a value in another unit becomes the canonical unit.

    ``canonical = value * factor + offset``, or, where the factor depends on another value of the same
    record, the SQL expression ``formula`` over ``value`` and the fields in ``needs``.
    """

    unit: Text = Option(description="UCUM code of the unit as sent.")
    factor: DecimalText | None = Option(default=None, description="Factor as decimal text, exact as stated.")
    offset: DecimalText = Option(default="0", description="Added after the factor, as decimal text.")
    formula: Text | None = Option(default=None, description="SQL over `value` and the fields of `needs`.")
    needs: list[Text] = Option(default=[], description="Other fields (or stated constants) the formula reads.")
    apply: Literal["yes", "ask", "no"] = Option(
        description="yes: converted when the unit is stated; ask: only when a site confirms; no: never by itself."
    )
    basis: Literal["paper", "convention", "assumption", "obsolete"]
    source: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Conversion:
        if self.factor is not None and self.formula is not None:
            raise ValueError("a conversion has a factor or a formula, not both")
        if self.factor is None and self.formula is None and self.apply != "no":
            raise ValueError("a conversion without factor and formula can only be marked apply: 'no'")
        return self

    @property
    def factor_decimal(self) -> Decimal | None:
        """The factor as an exact decimal."""
        return None if self.factor is None else Decimal(self.factor)

    def to_canonical(self, value: Decimal) -> Decimal:
        """``value * factor + offset`` in decimal arithmetic, rounded to SIGNIFICANT_DIGITS. Needs a factor."""
        assert self.factor is not None
        return _EXACT.add(_EXACT.multiply(value, Decimal(self.factor)), Decimal(self.offset)).normalize(_ROUNDED)

    def to_sent(self, canonical: Decimal) -> Decimal:
        """The number with the fewest digits that ``to_canonical`` turns into ``canonical`` again. Needs a factor."""
        assert self.factor is not None
        exact = _EXACT.divide(_EXACT.subtract(canonical, Decimal(self.offset)), Decimal(self.factor))
        wanted = canonical.normalize(_ROUNDED)
        for digits in range(1, SIGNIFICANT_DIGITS + 4):
            short = exact.normalize(Context(prec=digits))
            if self.to_canonical(short) == wanted:
                return short
        return exact


class Spelling(Definition):
    """A text that site files use for a unit of this quantity."""

    text: Text
    unit: Text | None = Option(default=None, description="UCUM code; empty when the text has no valid reading.")
    ambiguous: bool = Option(default=False, description="True: never applied without a person deciding.")
    note: Text | None = None


class Quantity(Definition):
    """A measurable quantity of one analyte or dimension."""

    label: Text
    unit: Text = Option(description="Canonical UCUM code (case sensitive).")
    accepted: list[Text] = Option(default=[], description="Other UCUM units a site may send.")
    conversions: list[Conversion] = []
    spellings: list[Spelling] = Option(default=[], description="Spellings beyond the ones valid for any quantity.")
    note: Text | None = None


class Quantities(Definition):
    """``schema/quantities.yaml``."""

    spellings: list[Spelling] = Option(description="Unit spellings that mean the same for every quantity.")
    quantities: dict[Name, Quantity]

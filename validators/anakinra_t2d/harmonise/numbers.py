"""Numbers as sites write them, read exactly, and the arithmetic of formulas that convert them."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import cache

from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.schema.quantities import SIGNIFICANT_DIGITS

CANONICAL_NUMBER = r"^-?[0-9]+(?:\.[0-9]+)?$"
CANONICAL_INTEGER = r"^-?[0-9]+$"
_NUMBER = re.compile(CANONICAL_NUMBER.strip("^$"))
_INTEGER = re.compile(CANONICAL_INTEGER.strip("^$"))
_MINUS = "-\u2212\u2013"
_SAME_MARK = {"'": "'\u2019\u02bc", "\u2019": "'\u2019\u02bc", " ": " \u00a0\u2007\u2009\u202f"}
"""Characters that look like a thousands mark and mean it."""
_MARKS = {",": "comma", ".": "point", "'": "apostrophe", "\u2019": "apostrophe"}
_NUMBER_AND_MORE = re.compile(r"[+-]?[0-9][0-9.,]*\s*(?P<rest>[^0-9.,\s].*)")
_PRECISE = Context(prec=50)
_ROUNDED = Context(prec=SIGNIFICANT_DIGITS)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was read: exact value, canonical text, and in words what was done (empty: nothing)."""

    value: Decimal
    text: str
    how: str


class NumberReader:
    """Reads numbers in one notation; ``whole`` takes whole numbers only."""

    def __init__(self, notation: Notation, *, whole: bool = False) -> None:
        self.whole = whole
        self.decimal = notation.decimal
        typed = notation.typed
        point = notation.decimal == "."
        self._plain = _NUMBER if point or typed else _INTEGER
        thousands = tuple(mark for mark in notation.thousands if mark != notation.decimal)
        self._patterns = [(notation.decimal, _pattern(notation.decimal, thousands))]
        if typed and not point:
            self._patterns.insert(0, (".", _pattern(".", ())))

    @property
    def canonical(self) -> str:
        """Regular expression of the texts that are taken as they are."""
        return CANONICAL_INTEGER if self.whole or self._plain is _INTEGER else CANONICAL_NUMBER

    def read(self, text: str) -> Number | None:
        """The number that ``text`` (without outer spaces) is in this notation, None when it is none."""
        if self._plain.fullmatch(text):
            number = Number(Decimal(text), text, "")
        else:
            found = self._read(text)
            if found is None:
                return None
            number = found
        if not self.whole or _INTEGER.fullmatch(number.text):
            return number
        if number.value != number.value.to_integral_value():
            return None
        return Number(number.value, plain(number.value), number.how or "whole number written without decimals")

    def _read(self, text: str) -> Number | None:
        for decimal, pattern in self._patterns:
            match = pattern.fullmatch(text)
            if match is None or not (match["grouped"] or match["whole"] or match["part"]):
                continue
            digits = re.sub(r"[^0-9]", "", match["grouped"] or match["whole"] or "0")
            sign = "-" if match["sign"] and match["sign"] in _MINUS else ""
            exponent = (match["exponent"] or "0").replace("\u2212", "-")
            value = Decimal(f"{sign}{digits}.{match['part'] or '0'}E{exponent}")
            done = [
                words
                for words, is_so in (
                    ("thousands marks removed", match["grouped"]),
                    ("decimal comma read as point", decimal == "," and match["part"] is not None),
                    ("exponent written out", match["exponent"]),
                )
                if is_so
            ]
            return Number(value, plain(value), " and ".join(done) or "number written plainly")
        return None

    def hint(self, text: str) -> str:
        """What a text that is no number may be, as words that follow "is not a number"."""
        other = "," if self.decimal == "." else "."
        as_decimal = NumberReader(Notation(decimal=other)).read(text) if other in text else None
        as_group = NumberReader(Notation(decimal=self.decimal, thousands=(other, "'", " "))).read(text)
        as_group = as_group if as_group and "thousands" in as_group.how else None
        name = next((word for mark, word in _MARKS.items() if mark in text and mark != self.decimal), "space")
        if as_decimal and as_group:
            return f" ({as_decimal.text} if the {name} is a decimal mark, {as_group.text} if it marks thousands)"
        if as_decimal:
            return f" ({as_decimal.text} if the {name} is a decimal mark)"
        if as_group:
            return f" ({as_group.text} if the {name} marks thousands)"
        more = _NUMBER_AND_MORE.fullmatch(text)
        return f" (something stands behind the number: {more['rest'][:20]})" if more else ""


@cache
def _pattern(decimal: str, thousands: tuple[str, ...]) -> re.Pattern[str]:
    marks = re.escape("".join(dict.fromkeys("".join(_SAME_MARK.get(mark, mark) for mark in thousands))))
    # a group after a zero (0.123) is no thousand but a decimal point
    grouped = rf"[1-9][0-9]{{0,2}}(?P<mark>[{marks}])[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*" if marks else "(?!)"
    return re.compile(
        rf"(?P<sign>[+{re.escape(_MINUS)}])?(?:(?P<grouped>{grouped})|(?P<whole>[0-9]*))"
        rf"(?:{re.escape(decimal)}(?P<part>[0-9]*))?(?:[eE](?P<exponent>[+\-\u2212]?[0-9]{{1,2}}))?"
    )


def plain(value: Decimal) -> str:
    """The shortest decimal text of a number, without exponent."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def rounded(value: Decimal) -> Decimal:
    """A converted value with as many digits as ``Conversion.to_canonical`` keeps."""
    return value.normalize(_ROUNDED)


_OPERATORS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def evaluate(formula: str, values: Mapping[str, Decimal]) -> Decimal:
    """The value of a formula over + - * /, brackets, numbers and names, with 50 digits.

    Raises:
        ValueError: the formula holds something else, or a name without a value.
        ZeroDivisionError: it divides by nothing.
    """
    with localcontext(_PRECISE):
        try:
            return _evaluate(_parsed(formula), values)
        except ArithmeticError as error:
            raise ZeroDivisionError(formula) from error


@cache
def _parsed(formula: str) -> ast.expr:
    return ast.parse(formula, mode="eval").body


def _evaluate(node: ast.expr, values: Mapping[str, Decimal]) -> Decimal:
    match node:
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left, values), _evaluate(right, values))
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand, values)
        case ast.Constant(value) if type(value) in (int, float):
            return Decimal(str(value))
        case ast.Name(name) if name in values:
            return values[name]
    raise ValueError(f"{ast.unparse(node)} cannot be evaluated")

"""Any canonical table, in any format, dialect, notation and set of units, converts back to the same Parquet.

``ANY_LAYOUT=500`` draws 500 layouts for each group of tables instead of a few.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Context, Decimal
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import anakinra_t2d as trial
from anakinra_t2d.conversion.across_run import AcrossRun
from anakinra_t2d.released import Converted
from any_case import Case, cases
from any_format import FORMATS, write

# the cases change what must be filled in
pytestmark = pytest.mark.filterwarnings("ignore::anakinra_t2d.released.VersionWarning")

FOUND = trial.definitions()
SENT = [name for name, table in FOUND.tables.items() if table.role in ("data", "delivery")]
GROUPS = [SENT[start::6] for start in range(6)]
MANY = int(os.environ.get("ANY_LAYOUT", "0"))

any_layout = settings(
    max_examples=MANY or 3,
    deadline=None,
    derandomize=not MANY,
    # a failing example is shrunk for minutes; that is for the one who looks for its cause
    phases=tuple(Phase) if MANY else (Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@contextmanager
def both_ways(
    case: Case, *, packed: bool = False
) -> Iterator[tuple[trial.Outcome, Converted, trial.Outcome, Converted]]:
    """What the canonical files and what the files of the site convert to.

    Rules across rows and tables are left out: they take much time and change no value.
    """
    with tempfile.TemporaryDirectory() as name, patch.object(AcrossRun, "run"):
        folder = Path(name)
        plain, sent = folder / "plain", folder / "sent"
        plain.mkdir()
        sent.mkdir()
        for table, frame in case.tables.items():
            frame.write_csv(plain / f"{table}.csv")
        for file in case.files:
            write(file, sent)
        if packed:
            sent = Path(shutil.make_archive(str(folder / "sent"), "zip", sent))
        wanted = trial.convert(plain, out=folder / "wanted", found=case.found)
        got = trial.convert(sent, out=folder / "got", found=case.found, profile=case.profile)
        yield wanted, trial.read(folder / "wanted"), got, trial.read(folder / "got")


def assert_same_tables(case: Case, wanted: Converted, got: Converted) -> None:
    for name in case.tables:
        table = case.found.tables[name]
        free = ["value_raw"] if table.role == "flags" else []
        frames = [each[name].drop(free).sort(table.key) for each in (wanted, got)]
        assert_frame_equal(frames[1], frames[0], check_exact=True)


def assert_accounted(case: Case, outcome: trial.Outcome) -> None:
    for sheet in outcome.sheets:
        if sheet.file.rpartition("/")[2] in case.rows_sent:
            assert sheet.rows_read == case.rows_sent[sheet.file.rpartition("/")[2]], sheet
        assert sheet.rows_read == sheet.rows_taken + sheet.rows_left, sheet
        assert sheet.rows_left == sheet.rows_unread == 0
    for name, frame in case.tables.items():
        table = outcome.tables[name]
        assert (table.rows_read, table.rows_valid, table.rows_rejected) == (frame.height, frame.height, 0)


def assert_traced(case: Case, lineage: pl.DataFrame) -> None:
    """Each changed cell is in the lineage, nothing else is, and its words lead from the text sent to the value."""
    traced = {(row["table"], row["record_key"], row["field"]): row for row in lineage.iter_rows(named=True)}
    assert len(traced) == lineage.height
    flags = {name for name, table in case.found.tables.items() if table.role == "flags"}
    clear = {key for key in traced if (key[0], key[2]) not in case.vague and key[0] not in flags}
    # the smallest of true numbers are shown with an exponent
    exponents = {key for key, row in traced.items() if "exponent written out" in row["conversion"]}
    assert clear ^ case.changed.keys() <= exponents
    records = {
        (name, "|".join(f"{part}={row[part]}" for part in case.found.tables[name].key)): row
        for name, frame in case.tables.items()
        for row in frame.iter_rows(named=True)
    }
    for (table, key, name), row in traced.items():
        if table not in flags:
            value = records[table, key][name]
            found = read_again(row["value_raw"], row["conversion"], case)
            assert _plain(found) == _plain(value), row
            if (table, key, name) in case.changed.keys() - exponents:
                assert row["value_raw"].strip() == case.changed[table, key, name][0], row


def _plain(text: str) -> str:
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return format(Decimal(text).normalize(), "f")
    return re.sub(r"(T[0-9]{2}:[0-9]{2}):00$", r"\1", text)


def read_again(text: str, conversion: str, case: Case) -> str:
    """The canonical text of a text as sent, by what the lineage says was done."""
    text = text.strip()
    for step in re.split(r"; | and (?=decimal|exponent)", conversion):
        if step.startswith("code "):
            sent, _, code = step.removeprefix("code ").rpartition(" read as ")
            assert sent == text
            text = code
        elif step.startswith("subject number"):
            assert case.profile.subjects
            text = case.profile.subjects.to_canonical(text) or ""
        elif step == "thousands marks removed":
            assert not re.search(r"[0-9][.,'’ ][0-9]{1,2}(?![0-9.,])", text.rpartition(case.profile.decimal)[0])
            marks = "".join(case.profile.thousands)
            text = re.sub(rf"[{re.escape(marks)}]", "", text)
        elif step == "decimal comma read as point":
            text = text.replace(",", ".")
        elif step == "exponent written out":
            text = format(Decimal(text), "f")
        elif match := re.fullmatch(r".+: value \* (\S+) \+ (\S+)", step):
            number = Decimal(text) * Decimal(match[1]) + Decimal(match[2])
            text = format(number.normalize(Context(prec=12)), "f")
        elif match := re.fullmatch(r"(\S+) ?(.*) read as a date(?: and time)?", step):
            text = _moment(text, step.partition(" read as")[0], case)
        elif step in ("midnight left out of the date", "date without a time read as midnight"):
            text = text[:10] if step.startswith("midnight") else f"{text[:10]}T00:00"
        elif step == "whole number written without decimals":
            text = format(Decimal(text).to_integral_value(), "f")
        elif step == "written as date and time":
            text = text.replace(" ", "T")
        else:
            assert step == "spaces around the text removed", step
    return text


def _moment(text: str, layout: str, case: Case) -> str:
    """A date, with its time when there is one, by the order of the parts of a layout."""
    kinds = re.findall("y+|d+|m+|h+|s+", layout)
    parts = re.findall("[0-9]+", text)
    day, month, year = (
        next(int(part) for kind, part in zip(kinds, parts, strict=False) if kind[0] == letter) for letter in "dmy"
    )
    if len(next(kind for kind in kinds if kind[0] == "y")) == 2:
        first = case.profile.two_digit_years_from
        assert first is not None
        year = first + (year - first) % 100
    clock = "".join(mark + part.zfill(2) for mark, part in zip("T::", parts[3:], strict=False))
    return f"{year:04}-{month:02}-{day:02}{clock}"


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_what_is_sent_comes_back(names: list[str]) -> None:
    some = st.lists(st.sampled_from(names), min_size=1, unique=True) if MANY else st.just(names)

    @any_layout
    @given(some.flatmap(lambda drawn: cases(FOUND, drawn)), st.booleans())
    def holds(case: Case, packed: bool) -> None:
        with both_ways(case, packed=packed) as (plain, wanted, sent, got):
            assert [finding.message for finding in plain.findings if finding.severity == "error"] == []
            assert [finding.message for finding in sent.findings if finding.severity == "error"] == []
            assert_same_tables(case, wanted, got)
            assert_accounted(case, sent)
            assert_traced(case, got["lineage"])

    holds()


def test_rows_that_do_not_fit_are_counted() -> None:
    @any_layout
    @given(st.sampled_from(SENT).flatmap(lambda name: cases(FOUND, [name])))
    def holds(case: Case) -> None:
        file = case.files[0]
        assume(FORMATS[file.format].is_text)
        file.rows.append([*file.rows[-1], "one", "more"])
        with both_ways(case) as (_, wanted, sent, got):
            assert_same_tables(case, wanted, got)
            (sheet,) = [each for each in sent.sheets if each.file == file.name]
            assert (sheet.rows_unread, sheet.rows_left) == (1, 0)
            assert sheet.rows_taken == case.rows_sent[file.name]
            assert sheet.rows_read == sheet.rows_taken + sheet.rows_unread
            for name, frame in case.tables.items():
                table, lost = sent.tables[name], int(name == case.names[0])
                assert (table.rows_read, table.rows_rejected) == (frame.height + lost, lost)
                assert table.rows_valid == frame.height

    holds()

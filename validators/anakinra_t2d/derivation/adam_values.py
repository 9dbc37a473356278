"""The data set of parameters and endpoints: a record for each subject, parameter and visit, in the BDS structure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from anakinra_t2d.derivation.adam_subjects import SUBJECT, DataSet
from anakinra_t2d.schema.endpoints import LevelCard, MeanOverCard, TwoVisitsCard

if TYPE_CHECKING:
    import polars as pl

    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Endpoint, Parameter

LABELS = {
    "PARAMCD": "Parameter Code",
    "PARAM": "Parameter",
    "PARCAT1": "Parameter Category 1",
    "PARCAT2": "Parameter Category 2",
    "AVISIT": "Analysis Visit",
    "AVISITN": "Analysis Visit (N)",
    "ADT": "Analysis Date",
    "ADY": "Analysis Relative Day",
    "AVAL": "Analysis Value",
    "AVALU": "Unit of Analysis Value (UCUM)",
    "BASE": "Baseline Value",
    "BASETYPE": "Baseline Type",
    "CHG": "Change from Baseline",
    "ABLFL": "Baseline Record Flag",
    "DTYPE": "Derivation Type",
    "AVALSTAT": "State of Analysis Value",
    "AVALREAS": "Reason for State of Analysis Value",
}
"""Variables that every record has beside those of its subject, with their labels."""

_ORDER = "order"


def values(
    definitions: Definitions, parameters: pl.DataFrame, endpoints: pl.DataFrame, days: pl.DataFrame, subjects: DataSet
) -> DataSet:
    """The records of ``parameters`` and ``endpoints``, as ``derive`` writes them, with the variables of ADSL.

    ``days`` has the day of a parameter as subject_id, parameter, visit and ADT. In a record of a parameter BASE is the
    value at its baseline visit and CHG = AVAL - BASE after it. In a record of an endpoint AVAL is the endpoint, BASE
    the baseline of the parameter it is made from, and CHG is empty, since AVAL may be a change itself.
    """
    import polars as pl

    known = definitions.adam.values
    both = pl.concat(
        [_of_parameters(definitions, parameters, days), _of_endpoints(definitions, endpoints, days)], how="diagonal"
    )
    types = {state: str(name) for state, name in known.derivation_types.items()}
    records = both.with_columns(
        pl.col("state").replace_strict(types, default=None, return_dtype=pl.String).alias("DTYPE"),
    ).rename({"value": "AVAL", "unit": "AVALU", "state": "AVALSTAT", "reason": "AVALREAS"})
    copied, labels = _copied(definitions, subjects)
    records = records.join(copied, on=SUBJECT, how="left").sort(SUBJECT, _ORDER, "AVISITN")
    records = records.with_columns(_study_day(pl.col("ADT"), pl.col("_day1")).alias("ADY"))
    labels |= LABELS
    return DataSet(known.name, known.label, records.select(*labels), labels)


def parameter_names(definitions: Definitions) -> dict[str, str]:
    """PARAM of every parameter and endpoint by id, each its own; the unit stands in brackets."""
    cards = definitions.endpoints
    both: list[Parameter | Endpoint] = [*cards.parameters, *cards.endpoints]
    endpoints = {card.id for card in cards.endpoints}
    names = {
        card.id: (f"{card.id} " if card.id in endpoints else "")
        + card.label
        + ("" if card.unit == "1" else f" ({card.unit})")
        for card in both
    }
    counts = Counter(names.values())
    return {card.id: names[card.id] + ("" if counts[names[card.id]] == 1 else f" [{card.code}]") for card in both}


def _of_parameters(definitions: Definitions, parameters: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    known, cards = definitions.adam.values, definitions.endpoints.parameters
    names = parameter_names(definitions)
    described = []
    for place, card in enumerate(cards):
        baseline = next((visit for visit in map(known.visit, card.visits) if visit.baseline), None)
        described.append(
            {
                "parameter": card.id,
                _ORDER: place,
                "PARAMCD": card.code,
                "PARAM": names[card.id],
                "PARCAT1": "PARAMETER",
                "BASETYPE": f"{card.code} at {baseline.label}" if baseline else None,
                "_baseline": baseline.number if baseline else None,
            }
        )
    visits = [{"visit": one.id, "AVISIT": one.label, "AVISITN": one.number} for one in known.visits]
    records = (
        parameters.join(_frame(described), on="parameter", how="left")
        .join(_frame(visits), on="visit", how="left")
        .join(days, on=[SUBJECT, "parameter", "visit"], how="left")
    )
    at_baseline = pl.col("AVISITN") == pl.col("_baseline")
    bases = records.filter(at_baseline & pl.col("value").is_not_null()).select(
        SUBJECT, "parameter", pl.col("value").alias("BASE"), pl.lit("Y").alias("_flag")
    )
    return (
        records.join(bases, on=[SUBJECT, "parameter"], how="left")
        .with_columns(
            pl.when(pl.col("AVISITN") > pl.col("_baseline")).then(pl.col("value") - pl.col("BASE")).alias("CHG"),
            pl.when(at_baseline).then(pl.col("_flag")).alias("ABLFL"),
        )
        .drop("parameter", "visit", "_baseline", "_flag")
    )


def _of_endpoints(definitions: Definitions, endpoints: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:

    codes = {card.id: card.code for card in definitions.endpoints.parameters}
    names = parameter_names(definitions)
    first = len(codes)
    described = [
        {
            "endpoint_id": card.id,
            _ORDER: first + place,
            "PARAMCD": card.code,
            "PARAM": names[card.id],
            "PARCAT1": "ENDPOINT",
            "PARCAT2": card.role.upper(),
            **_visit(card, definitions, codes),
        }
        for place, card in enumerate(definitions.endpoints.endpoints)
    ]
    return (
        endpoints.join(_frame(described), on="endpoint_id", how="left")
        .join(days, on=[SUBJECT, "parameter", "visit"], how="left")
        .rename({"baseline": "BASE"})
        .drop("endpoint_id", "follow_up", "parameter", "visit")
    )


def _visit(card: Endpoint, definitions: Definitions, codes: dict[str, str]) -> dict[str, Any]:
    """Where an endpoint belongs to: the visit it is shown at, and the parameter and visit that date it."""
    known = definitions.adam.values
    if isinstance(card, TwoVisitsCard | LevelCard):
        visit = known.visit(card.follow_up if isinstance(card, TwoVisitsCard) else card.visit)
        found = {"AVISIT": visit.label, "AVISITN": visit.number, "parameter": card.parameter, "visit": visit.id}
        if isinstance(card, TwoVisitsCard):
            found["BASETYPE"] = f"{codes[card.parameter]} at {known.visit(card.baseline).label}"
        return found
    if isinstance(card, MeanOverCard):
        over = sorted((known.visit(visit) for visit in card.over), key=lambda visit: visit.number)
        label = over[0].label if len(over) == 1 else f"{over[0].label} to {over[-1].label}"
        return {"AVISIT": label, "AVISITN": over[-1].number, "parameter": None, "visit": None}
    whole = known.whole_study
    return {"AVISIT": whole.label, "AVISITN": whole.number, "parameter": None, "visit": None}


def _copied(definitions: Definitions, subjects: DataSet) -> tuple[pl.DataFrame, dict[str, str]]:
    """The variables of ADSL that go with every record, flags of all populations included, and their labels."""
    import polars as pl

    known = definitions.adam.values
    flags = {population.code: population.code for population in definitions.endpoints.populations.values()}
    taken = {new: old for new, old in {**known.copied, **flags}.items() if old in subjects.labels}
    labels = {new: known.copied_labels.get(new) or subjects.labels[old] for new, old in taken.items()}
    has_day = known.study_day_from in subjects.labels
    day1 = pl.col(known.study_day_from) if has_day else pl.lit(None, pl.Date)
    selected = [pl.col(old).alias(new) for new, old in taken.items()]
    return subjects.frame.select(SUBJECT, *selected, day1.alias("_day1")), labels


def _study_day(day: pl.Expr, first: pl.Expr) -> pl.Expr:
    import polars as pl

    distance = (day - first).dt.total_days()
    return pl.when(distance >= 0).then(distance + 1).otherwise(distance)


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    import polars as pl

    keys = {key for row in rows for key in row}
    numbers = {_ORDER, "AVISITN", "_baseline"}
    return pl.DataFrame(rows, schema={key: pl.Int64 if key in numbers else pl.String for key in sorted(keys)})

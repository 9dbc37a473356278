"""Classes of people who agree in everything an acquaintance can know, made larger until nobody stands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from anakinra_t2d.schema.deidentification import Edge, QuasiIdentifier, Step

Class = tuple[object, ...]


@dataclass(frozen=True)
class Sizes:
    """How large the classes are: ``k`` is the smallest, ``below`` counts people in those under the threshold.

    ``unique`` counts people who share their class with nobody.
    """

    k: int
    classes: int
    below: int
    unique: int

    def as_dict(self) -> dict[str, int]:
        """Plain data."""
        return {"k": self.k, "classes": self.classes, "people_below_threshold": self.below, "unique": self.unique}


@dataclass(frozen=True)
class Taken:
    """A step and what it came to; ``sizes`` is None when it was not needed."""

    step: Step
    sizes: Sizes | None


@dataclass
class Coarsened:
    """The people with released values, and what was done.

    ``people`` has a column for every quasi-identifier that is released, named ``table.field``. ``touched`` are fields
    whose values changed for everybody, ``withheld`` those that nobody shows, ``emptied`` how many people no longer
    show a field that others do, ``labels`` the new codes of a field in their order.
    """

    people: pl.DataFrame
    before: Sizes
    after: Sizes
    steps: list[Taken] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    withheld: set[str] = field(default_factory=set)
    emptied: dict[str, int] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)


def sizes(people: pl.DataFrame, columns: Sequence[str], threshold: int) -> Sizes:
    """The classes of people who agree in ``columns``; an empty value is a value."""
    if people.is_empty():
        return Sizes(0, 0, 0, 0)
    if not columns:
        n = people.height
        return Sizes(n, 1, n if n < threshold else 0, int(n == 1))
    counts = people.group_by(columns).len()["len"]
    return Sizes(
        int(counts.min() or 0),  # type: ignore[arg-type]
        counts.len(),
        int(counts.filter(counts < threshold).sum()),
        int((counts == 1).sum()),
    )


def coarsen(
    people: pl.DataFrame,
    known: Sequence[QuasiIdentifier],
    steps: Sequence[Step],
    *,
    threshold: int,
    withheld_at_most: float,
    codes: dict[str, list[str]],
    whole_numbers: set[str],
) -> Coarsened:
    """Take the steps in order, as long as too many people are in small classes; then empty fields of those left.

    Args:
        people: a row for each person, with a column ``table.field`` of each entry of ``known``.
        known: the quasi-identifiers; those not fixed are emptied in this order.
        steps: what may be done for everybody.
        threshold: the smallest class that is released as it is.
        withheld_at_most: the share of people in small classes at which no further step is taken.
        codes: the codes of fields with a codelist.
        whole_numbers: fields that hold whole numbers, whose bands end with one.
    """
    columns = [one.field for one in known]
    before = sizes(people, columns, threshold)
    result = Coarsened(people, before, before)
    for step in steps:
        if step.field not in columns:
            continue
        enough = result.after.below <= withheld_at_most * people.height
        if enough and not step.always:
            result.steps.append(Taken(step, None))
            continue
        _take(result, people, step, codes.get(step.field, []), whole=step.field in whole_numbers)
        result.after = sizes(result.people, columns, threshold)
        result.steps.append(Taken(step, result.after))
    shown = [one.field for one in known if one.field not in result.withheld]
    free = [one.field for one in known if one.field in shown and not one.fixed]
    _empty_for_some(result, shown, free, threshold)
    result.after = sizes(result.people, shown, threshold)
    result.people = result.people.drop([name for name in result.withheld if name in result.people.columns])
    return result


def _take(result: Coarsened, people: pl.DataFrame, step: Step, codes: list[str], *, whole: bool) -> None:
    result.touched.add(step.field)
    original = people[step.field]
    if step.operation == "withhold":
        result.withheld.add(step.field)
        result.labels.pop(step.field, None)
        changed = pl.Series(step.field, [None] * people.height, pl.String)
    elif step.operation == "band":
        labels = band_labels(step.edges, whole=whole)
        result.labels[step.field] = labels
        place = sum((original >= edge).cast(pl.Int64) for edge in step.edges)
        changed = _labelled(place, labels).alias(step.field)
    else:
        of_code = {code: name for name, members in step.groups.items() for code in members}
        result.labels[step.field] = list(dict.fromkeys(of_code.get(code, code) for code in codes))
        changed = original.cast(pl.String).replace(of_code)
    result.people = result.people.with_columns(changed.alias(step.field))


def _labelled(place: object, labels: list[str]) -> pl.Series:
    assert isinstance(place, pl.Series)
    return place.replace_strict(list(range(len(labels))), labels, default=None, return_dtype=pl.String)


def band_labels(edges: Sequence[Edge], *, whole: bool) -> list[str]:
    """Words of the ranges that begin at each edge, and of what lies below the first: ``50 to 59``, ``60 or over``."""
    labels = [f"under {edges[0]}"]
    for low, high in pairwise(edges):
        if whole:
            labels.append(f"{low} to {int(high) - 1}" if high - low > 1 else f"{low}")
        else:
            labels.append(f"{low} to under {high}")
    return [*labels, f"{edges[-1]} or over"]


def _empty_for_some(result: Coarsened, shown: list[str], free: list[str], threshold: int) -> None:
    """Empty fields of people in small classes, one field after another, and of so many others that each class is large.

    A small class without its value joins the people who agree in all else; where these keep their values, the smallest
    class of them loses it as well. Otherwise "value withheld" would be a small class of its own.
    """
    if not shown or not free:
        return
    counted = result.people.group_by(shown).len()
    size: dict[Class, int] = {row[:-1]: row[-1] for row in counted.iter_rows()}
    becomes: dict[Class, Class] = {one: one for one in size}
    places = [shown.index(name) for name in free]
    for place in places:
        _merge(size, becomes, [place], threshold)
    _merge(size, becomes, places, threshold)
    rows = [(*one, *other) for one, other in becomes.items()]
    emptied = [f"{name} " for name in shown]
    schema: dict[str, pl.DataType] = {
        name: result.people.schema[shown[index % len(shown)]] for index, name in enumerate([*shown, *emptied])
    }
    joined = result.people.join(
        pl.DataFrame(rows, schema=schema, orient="row"), on=shown, how="left", nulls_equal=True, maintain_order="left"
    )
    for name, new in zip(shown, emptied, strict=True):
        gone = int((joined[name].is_not_null() & joined[new].is_null()).sum())
        if gone:
            result.emptied[name] = gone
    result.people = joined.with_columns(pl.col(new).alias(name) for name, new in zip(shown, emptied, strict=True)).drop(
        emptied
    )


def _merge(size: dict[Class, int], becomes: dict[Class, Class], places: list[int], threshold: int) -> None:
    """Empty ``places`` of small classes, together with the smallest others that agree in all else."""
    groups: dict[Class, list[Class]] = {}
    for one in size:
        groups.setdefault(_emptied(one, places), []).append(one)
    for target, members in groups.items():
        small = [one for one in members if size[one] < threshold]
        if not small:
            continue
        # who shows nothing here is in the same class as those who will
        pooled = list(dict.fromkeys([*small, *(one for one in members if one == target)]))
        others = sorted((one for one in members if one not in pooled), key=lambda one: (size[one], repr(one)))
        while sum(size[one] for one in pooled) < threshold and others:
            pooled.append(others.pop(0))
        total = sum(size.pop(one) for one in pooled)
        size[target] = total
        gone = set(pooled)
        for original, now in becomes.items():
            if now in gone:
                becomes[original] = target


def _emptied(one: Class, places: list[int]) -> Class:
    return tuple(None if index in places else value for index, value in enumerate(one))

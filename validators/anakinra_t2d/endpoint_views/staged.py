"""The views with tables between: every engine then plans a few short queries instead of views upon views."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from anakinra_t2d.endpoint_views.views import ENDPOINTS, PARAMETERS

if TYPE_CHECKING:
    from anakinra_t2d.endpoint_views.views import View


@dataclass(frozen=True)
class Kept:
    """A view, or a table that a query fills; ``tree`` is the parsed query."""

    name: str
    tree: Any
    about: str
    table: bool = False


def staged(views: Sequence[View]) -> list[Kept]:
    """The same names as ``views``; parameters that read only tables first, then those that read these, and so on.

    Each stage is one table with all its parameters, ``parameters_1``, ``parameters_2`` ...; the endpoints are one more.
    """
    import sqlglot

    trees = {view.name: sqlglot.parse_one(view.query, read="duckdb") for view in views}
    about = {view.name: view.about for view in views}
    parameters, endpoints = _arms(trees[PARAMETERS]), _arms(trees[ENDPOINTS])
    stages = _stages(trees, parameters)
    kept = [
        Kept(name, tree, about[name])
        for name, tree in trees.items()
        if name not in {*parameters, *endpoints, PARAMETERS, ENDPOINTS}
    ]
    for place, names in enumerate(stages, 1):
        table = f"{PARAMETERS}_{place}"
        kept.append(Kept(table, _filled(parameters, names, trees), f"Parameters, stage {place}", True))
        kept += [Kept(name, _single(parameters[name], table), about[name]) for name in names]
    whole = " UNION ALL ".join(f"SELECT * FROM {PARAMETERS}_{place}" for place in range(1, len(stages) + 1))
    kept.append(Kept(PARAMETERS, sqlglot.parse_one(whole, read="duckdb"), about[PARAMETERS]))
    kept.append(Kept(ENDPOINTS, _filled(endpoints, list(endpoints), trees), about[ENDPOINTS], True))
    kept += [Kept(name, _single(arm, ENDPOINTS), about[name]) for name, arm in endpoints.items()]
    return kept


def _arms(union: Any) -> dict[str, Any]:
    """The parts of a union, by the name of the view each reads."""
    from sqlglot import exp

    selects = union.find_all(exp.Select, bfs=False)
    return {select.find(exp.Table).name: select for select in selects}


def _stages(trees: Mapping[str, Any], parameters: Collection[str]) -> list[list[str]]:
    """Names of the parameters by how many others stand between them and the tables."""
    from sqlglot import exp

    stage: dict[str, int] = {}
    for name in parameters:
        read = {table.name for table in trees[name].find_all(exp.Table)}.intersection(parameters)
        stage[name] = 1 + max((stage[one] for one in read), default=0)
    return [[name for name, one in stage.items() if one == place] for place in range(1, max(stage.values()) + 1)]


def _filled(arms: Mapping[str, Any], names: Iterable[str], trees: Mapping[str, Any]) -> Any:
    """The union of these parts, each with the query of its view in place of the view."""
    from sqlglot import exp

    parts = []
    for name in names:
        part = arms[name].copy()
        part.find(exp.Table).replace(trees[name].copy().subquery("one"))
        parts.append(part)
    return reduce(lambda left, right: exp.union(left, right, distinct=False, copy=False), parts)


def _single(arm: Any, table: str) -> Any:
    """The rows of ``table`` that the part ``arm`` of the union gave, without the constants it added."""
    from sqlglot import exp

    columns = [one for one in arm.expressions if isinstance(one, exp.Column)]
    id = next(one for one in arm.expressions if isinstance(one, exp.Alias))
    return exp.select(*columns).from_(table).where(exp.column(id.alias).eq(id.this))

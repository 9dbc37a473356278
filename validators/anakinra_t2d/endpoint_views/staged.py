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
    """A view, or a table that a query fills; ``tree`` is the parsed query.

    ``apart`` is the column of a table by whose values it is read; a view has none.
    """

    name: str
    tree: Any
    about: str
    apart: str | None = None

    @property
    def table(self) -> bool:
        """Whether a table is filled."""
        return self.apart is not None


def staged(views: Sequence[View]) -> list[Kept]:
    """The same names as ``views``; parameters that read only tables first, then those that read these, and so on.

    Each stage is one table with all its parameters, ``parameters_1``, ``parameters_2`` ...; the endpoints are in
    ``endpoints_1``.
    """
    import sqlglot

    trees = {view.name: sqlglot.parse_one(view.query, read="duckdb") for view in views}
    about = {view.name: view.about for view in views}
    arms = {whole: _arms(trees[whole]) for whole in (PARAMETERS, ENDPOINTS)}
    singles = {name for parts in arms.values() for name in parts}
    kept = [Kept(name, tree, about[name]) for name, tree in trees.items() if name not in {*singles, *arms}]
    for whole, parts in arms.items():
        stages = _stages(trees, parts)
        for place, names in enumerate(stages, 1):
            table = f"{whole}_{place}"
            filled = _filled(parts, names, trees)
            kept.append(
                Kept(table, filled, f"{about[whole]}, stage {place} of {len(stages)}", _key(parts[names[0]]).alias)
            )
            kept += [Kept(name, _single(parts[name], table), about[name]) for name in names]
        columns = [column.alias_or_name for column in next(iter(parts.values())).expressions]
        both = [sqlglot.select(*columns).from_(f"{whole}_{place}") for place in range(1, len(stages) + 1)]
        kept.append(Kept(whole, _union(both), about[whole]))
    return kept


def _arms(union: Any) -> dict[str, Any]:
    """The parts of a union, by the name of the view each reads."""
    from sqlglot import exp

    selects = union.find_all(exp.Select, bfs=False)
    return {select.find(exp.Table).name: select for select in selects}


def _stages(trees: Mapping[str, Any], names: Collection[str]) -> list[list[str]]:
    """These views by how many others of them stand between them and the tables."""
    from sqlglot import exp

    stage: dict[str, int] = {}
    for name in names:
        read = {table.name for table in trees[name].find_all(exp.Table)}.intersection(names)
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
    return _union(parts)


def _union(parts: Iterable[Any]) -> Any:
    from sqlglot import exp

    return reduce(lambda left, right: exp.union(left, right, distinct=False, copy=False), parts)


def _key(arm: Any) -> Any:
    """The first constant that a part of a union adds: the id of its card."""
    from sqlglot import exp

    return next(one for one in arm.expressions if isinstance(one, exp.Alias))


def _single(arm: Any, table: str) -> Any:
    """The rows of ``table`` that the part ``arm`` of the union gave, without the constants it added."""
    from sqlglot import exp

    columns = [one for one in arm.expressions if isinstance(one, exp.Column)]
    id = _key(arm)
    return exp.select(*columns).from_(table).where(exp.column(id.alias).eq(id.this))

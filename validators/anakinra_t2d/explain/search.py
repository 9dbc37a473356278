"""Finds what a name means, and names that are near it."""

from __future__ import annotations

from collections.abc import Sequence

from anakinra_t2d.explain.topics import Topic, all_topics
from anakinra_t2d.schema import Definitions

_NEAR = 70
_SUGGESTED = 5


def topics_named(name: str, found: Definitions) -> list[Topic]:
    """Everything with this name, case as written first; names in site files only when nothing else has it."""
    topics = all_topics(found)
    wanted = name.strip()
    folded = wanted.casefold()
    for matches in (
        lambda topic: topic.id == wanted,
        lambda topic: topic.id.casefold() == folded,
        lambda topic: topic.kind == "variable" and topic.id.partition(".")[2].casefold() == folded,
        lambda topic: any(other == wanted for other in topic.also),
        lambda topic: any(other.casefold() == folded for other in topic.also),
    ):
        if named := [topic for topic in topics if matches(topic)]:
            # a variable and a quantity, or a parameter, can share a name: each is an answer
            return [*named, *_same_name(topics, named, folded)]
    return []


def near(name: str, found: Definitions) -> list[str]:
    """Ids like ``name``, the nearest first."""
    from rapidfuzz import fuzz, process, utils

    names: dict[str, str] = {}
    for topic in all_topics(found):
        for one in (topic.id, *topic.also):
            names.setdefault(one, topic.id)
    ids = list(dict.fromkeys(names.values()))
    close = process.extract(name, ids, scorer=fuzz.ratio, processor=utils.default_process, limit=3, score_cutoff=_NEAR)
    like = process.extract(
        name, list(names), scorer=fuzz.WRatio, processor=utils.default_process, limit=30, score_cutoff=_NEAR
    )
    found_ids = [hit for hit, _, _ in close] + [names[hit] for hit, _, _ in like]
    return list(dict.fromkeys(found_ids))[:_SUGGESTED]


def _same_name(topics: Sequence[Topic], named: Sequence[Topic], folded: str) -> list[Topic]:
    seen = {(topic.kind, topic.id) for topic in named}
    return [
        topic
        for topic in topics
        if (topic.kind, topic.id) not in seen
        and folded in (topic.id.casefold(), topic.id.partition(".")[2].casefold())
        and topic.kind in ("quantity", "parameter", "variable", "codelist")
    ]

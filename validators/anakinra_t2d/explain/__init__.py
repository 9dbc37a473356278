"""What every name of the definitions means: rules, variables, criteria, endpoints, units and readings of the paper."""

from anakinra_t2d.explain.search import near, topics_named
from anakinra_t2d.explain.topics import Topic

__all__ = ["Topic", "near", "topics_named"]

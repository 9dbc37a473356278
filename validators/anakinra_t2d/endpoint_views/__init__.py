"""Parameters and endpoints as SQL views: text made from the cards, for DuckDB and by translation for other engines."""

from anakinra_t2d.endpoint_views.views import View, views

__all__ = ["View", "views"]

"""The synthetic trial as a site would send it: the inverse of harmonising, for any site profile."""

from __future__ import annotations

from anakinra_t2d.simulation.layouts.delivery import canonical_texts, deliver, records_of_site
from anakinra_t2d.simulation.layouts.render import render
from anakinra_t2d.simulation.layouts.sent import Cell, SentFile, SentSheet

__all__ = ["Cell", "SentFile", "SentSheet", "canonical_texts", "deliver", "records_of_site", "render"]

"""Drafts site profiles: from the files of a site to a proposal of how they map onto the tables."""

from __future__ import annotations

from anakinra_t2d.profiling.draft import Draft, draft_profile

__all__ = ["Draft", "draft_profile"]

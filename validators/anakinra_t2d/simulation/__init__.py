"""A synthetic trial: files as a site would send them, with the group statistics of the trial report."""

from __future__ import annotations

from anakinra_t2d.simulation.make import DEFAULT_PATIENTS, DEFAULT_SEED, simulate, tables

__all__ = ["DEFAULT_PATIENTS", "DEFAULT_SEED", "simulate", "tables"]

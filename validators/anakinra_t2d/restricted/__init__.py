"""Looks into any file for what reveals the arm of a patient or names a person."""

from anakinra_t2d.restricted.findings import Inspection, inspect_files, inspect_paths

__all__ = ["Inspection", "inspect_files", "inspect_paths"]

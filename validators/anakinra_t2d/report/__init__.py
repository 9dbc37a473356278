"""Findings for people and machines: text, JSON and annotations."""

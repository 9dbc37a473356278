"""Feeds damaged files to every reader; ``PYTHONPATH=tests python -m fuzz`` runs it."""

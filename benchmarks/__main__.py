"""``python -m benchmarks``: every performance claim, measured now."""

from benchmarks.convert_against_polars import main

main()

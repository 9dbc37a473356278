"""``python -m benchmarks``: every performance claim, measured now."""

from benchmarks import convert_against_polars, site_files_against_canonical

convert_against_polars.main()
print()
site_files_against_canonical.main()

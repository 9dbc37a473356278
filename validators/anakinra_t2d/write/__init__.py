"""Parquet files, the manifest, and an output directory that appears whole or not at all."""

"""Versions of the schema: what changed between two of them, and what that means for data of the older one.

Levels follow the recipe for versions of a Data Package (https://datapackage.org/recipes/data-package-version/): a field
renamed, removed or tightened is a major change, something loosened or a table added a minor one, words alone a patch.
The recipe calls an added field major as well. Here a field that may be empty is a minor change, because every file is
read by the names of its columns; one that must be filled in is major.
"""

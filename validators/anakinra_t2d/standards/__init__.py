"""Data and definitions in the forms that standards ask for: what needs converted data, or a model of a standard."""

"""Which rules every tool is asked to hold, on which tables.

The rules are those of the schema under their public codes; one code stands for every field of the tables that it
applies to (a range for each field that has one).
"""

TABLES = ("sites", "subjects", "visits", "vitals", "home_glucose", "adverse_events")

KINDS = {
    "CELL-001": "a number is a number",
    "CELL-003": "a date is a date",
    "REQ-001": "a cell is filled",
    "REQ-002": "a cell is filled when other cells ask for it",
    "RNG-001": "a range",
    "LIST-001": "a list of codes",
    "PAT-001": "the form of a text",
    "KEY-001": "a key stands once",
    "KEY-002": "a key is whole",
    "REF-001": "the record referred to exists, by one or three columns",
    "VIT-002": "two cells of a row, not assessed when one is empty",
    "AE-006": "a case over cells of a row, with three truth values",
    "VIS-007": "across rows: the visits of a patient follow each other",
    "AE-007": "across tables: a day is counted from a date of another table",
    "COPY-009": "a series: two patients agree in every value",
    "ANOM-001": "a scale: a moved decimal point makes the value usual for the patient",
}
"""What each rule is an example of, in the order of the tables that are written."""

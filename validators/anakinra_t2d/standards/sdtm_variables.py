"""What the SDTM Implementation Guide says of its domains and variables: labels, classes and their order.

Source: CDISC SDTM 2.0 and SDTMIG 3.4. Nothing of the trial stands here.
"""

from __future__ import annotations

from dataclasses import dataclass

SPONSOR_CLASS = "SPECIAL PURPOSE"
"""Class of data sets that the sponsor defines: one row for each record, as in DM and SV."""

DOMAINS = {
    "AE": ("Adverse Events", "EVENTS"),
    "CM": ("Concomitant/Prior Medications", "INTERVENTIONS"),
    "DA": ("Drug Accountability", "FINDINGS"),
    "DM": ("Demographics", "SPECIAL PURPOSE"),
    "DS": ("Disposition", "EVENTS"),
    "DV": ("Protocol Deviations", "EVENTS"),
    "EC": ("Exposure as Collected", "INTERVENTIONS"),
    "EG": ("ECG Test Results", "FINDINGS"),
    "EX": ("Exposure", "INTERVENTIONS"),
    "IE": ("Inclusion/Exclusion Criteria Not Met", "FINDINGS"),
    "LB": ("Laboratory Test Results", "FINDINGS"),
    "MH": ("Medical History", "EVENTS"),
    "PE": ("Physical Examination", "FINDINGS"),
    "QS": ("Questionnaires", "FINDINGS"),
    "SU": ("Substance Use", "INTERVENTIONS"),
    "SV": ("Subject Visits", "SPECIAL PURPOSE"),
    "VS": ("Vital Signs", "FINDINGS"),
}
"""Label and class of the published domains."""

REFERENCE_START = "RFSTDTC"
FIRST_TREATMENT = "RFXSTDTC"
"""Study days count from the reference start, for which the first treatment stands where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Standard:
    """What the standard says of a variable; ``name`` has ``--`` in place of the two letters of the domain."""

    name: str
    label: str
    role: str


_IDENTIFIER, _TOPIC, _QUALIFIER, _TIMING = "Identifier", "Topic", "Record Qualifier", "Timing"
_RESULT, _VARIABLE, _GROUPING = "Result Qualifier", "Variable Qualifier", "Grouping Qualifier"

_BEFORE = [
    Standard("STUDYID", "Study Identifier", _IDENTIFIER),
    Standard("DOMAIN", "Domain Abbreviation", _IDENTIFIER),
    Standard("USUBJID", "Unique Subject Identifier", _IDENTIFIER),
    Standard("SUBJID", "Subject Identifier for the Study", _TOPIC),
    Standard("--SEQ", "Sequence Number", _IDENTIFIER),
    Standard(REFERENCE_START, "Subject Reference Start Date/Time", _QUALIFIER),
    Standard("RFENDTC", "Subject Reference End Date/Time", _QUALIFIER),
    Standard(FIRST_TREATMENT, "Date/Time of First Study Treatment", _QUALIFIER),
    Standard("RFXENDTC", "Date/Time of Last Study Treatment", _QUALIFIER),
    Standard("SITEID", "Study Site Identifier", _QUALIFIER),
    Standard("BRTHDTC", "Date/Time of Birth", _QUALIFIER),
    Standard("AGE", "Age", _QUALIFIER),
    Standard("AGEU", "Age Units", _VARIABLE),
    Standard("SEX", "Sex", _QUALIFIER),
    Standard("RACE", "Race", _QUALIFIER),
    Standard("ETHNIC", "Ethnicity", _QUALIFIER),
    Standard("COUNTRY", "Country", _QUALIFIER),
    Standard("--TRT", "Reported Name of Drug, Med, or Therapy", _TOPIC),
    Standard("--TERM", "Reported Term", _TOPIC),
    Standard("--TESTCD", "Short Name of Measurement, Test or Exam", _TOPIC),
    Standard("--TEST", "Name of Measurement, Test or Examination", "Synonym Qualifier"),
    Standard("--DECOD", "Dictionary-Derived Term", "Synonym Qualifier"),
    Standard("--CAT", "Category", _GROUPING),
    Standard("--SCAT", "Subcategory", _GROUPING),
    Standard("--PRESP", "Pre-Specified", _VARIABLE),
    Standard("--OCCUR", "Occurrence", _QUALIFIER),
    Standard("--ORRES", "Result or Finding in Original Units", _RESULT),
    Standard("--ORRESU", "Original Units", _VARIABLE),
    Standard("--STRESC", "Character Result/Finding in Std Format", _RESULT),
    Standard("--STRESN", "Numeric Result/Finding in Standard Units", _RESULT),
    Standard("--STRESU", "Standard Units", _VARIABLE),
    Standard("--STAT", "Completion Status", _QUALIFIER),
    Standard("--REASND", "Reason Not Done", _QUALIFIER),
    Standard("--REASOC", "Reason for Occur Value", _QUALIFIER),
    Standard("--NAM", "Vendor Name", _QUALIFIER),
    Standard("--LOINC", "LOINC Code", "Synonym Qualifier"),
    Standard("--SPEC", "Specimen Type", _QUALIFIER),
    Standard("--LOC", "Anatomical Location", _QUALIFIER),
    Standard("--LAT", "Laterality", _VARIABLE),
    Standard("--METHOD", "Method of Test or Examination", _QUALIFIER),
    Standard("--FAST", "Fasting Status", _QUALIFIER),
    Standard("--CLAS", "Class", _VARIABLE),
    Standard("--CLASCD", "Class Code", _VARIABLE),
    Standard("--DOSE", "Dose", _QUALIFIER),
    Standard("--DOSU", "Dose Units", _VARIABLE),
    Standard("--ROUTE", "Route of Administration", _VARIABLE),
    Standard("--SEV", "Severity/Intensity", _QUALIFIER),
    Standard("--SER", "Serious Event", _QUALIFIER),
    Standard("--ACN", "Action Taken with Study Treatment", _QUALIFIER),
    Standard("--REL", "Causality", _QUALIFIER),
    Standard("--OUT", "Outcome of Event", _QUALIFIER),
]
_AFTER = [
    Standard("VISITNUM", "Visit Number", _TIMING),
    Standard("VISIT", "Visit Name", _TIMING),
    Standard("VISITDY", "Planned Study Day of Visit", _TIMING),
    Standard("--REPNUM", "Repetition Number", _TIMING),
    Standard("--DTC", "Date/Time of Collection", _TIMING),
    Standard("--STDTC", "Start Date/Time of Observation", _TIMING),
    Standard("--ENDTC", "End Date/Time of Observation", _TIMING),
    Standard("--DY", "Study Day of Visit/Collection/Exam", _TIMING),
    Standard("--STDY", "Study Day of Start of Observation", _TIMING),
    Standard("--ENDY", "Study Day of End of Observation", _TIMING),
    Standard("--TPT", "Planned Time Point Name", _TIMING),
    Standard("--TPTNUM", "Planned Time Point Number", _TIMING),
    Standard("--TPTREF", "Time Point Reference", _TIMING),
    Standard("--ENRTPT", "End Relative to Reference Time Point", _TIMING),
]
_KNOWN = {each.name: each for each in [*_BEFORE, *_AFTER]}
_RANK = {each.name: number for number, each in enumerate(_BEFORE)} | {
    each.name: len(_BEFORE) + 1 + number for number, each in enumerate(_AFTER)
}
DAY_OF_DATE = {"--DTC": "--DY", "--STDTC": "--STDY", "--ENDTC": "--ENDY"}
"""The study day that belongs to a date."""


def general_name(name: str, domain: str) -> str:
    """A variable with ``--`` in place of the letters of its domain: VSTESTCD is ``--TESTCD``, VISIT is VISIT."""
    if name in _KNOWN or not name.startswith(domain):
        return name
    return "--" + name.removeprefix(domain)


def own_name(general: str, domain: str) -> str:
    """The variable of a domain: ``--SEQ`` of VS is VSSEQ."""
    return general.replace("--", domain, 1)


def standard_of(name: str, domain: str) -> Standard | None:
    """What the standard says of a variable, None for one that it does not know."""
    return _KNOWN.get(general_name(name, domain))


def rank_of(name: str, domain: str) -> int:
    """Where a variable stands among those of its data set; variables of the sponsor stand before those of timing."""
    return _RANK.get(general_name(name, domain), len(_BEFORE))

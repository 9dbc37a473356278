"""The numbers of the trial report that the simulated trial holds, each with the id of its reported result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ARMS = ("anakinra", "placebo")


@dataclass(frozen=True)
class Target:
    """One reported number.

    `exact`: recomputed from the written values and rounded to `decimals` it equals the number.
    Otherwise `reason` says why it is only approached.
    """

    id: str
    name: str
    group: Literal["anakinra", "placebo", "both", "all"]
    statistic: Literal["mean", "sd", "count", "percent", "r2", "difference", "ci_low", "ci_high"]
    value: float
    decimals: int
    exact: bool = True
    reason: str = ""


def _pair(
    name: str, ids: tuple[str, str], anakinra: tuple[float, float], placebo: tuple[float, float], mean: int, sd: int
) -> list[Target]:
    return [
        Target(id, name, arm, statistic, value, decimals)  # type: ignore[arg-type]
        for id, arm, values in zip(ids, ARMS, (anakinra, placebo), strict=True)
        for statistic, value, decimals in (("mean", values[0], mean), ("sd", values[1], sd))
    ]


def _counts(name: str, ids: tuple[str, str], anakinra: int, placebo: int) -> list[Target]:
    return [Target(id, name, arm, "count", n, 0) for id, arm, n in zip(ids, ARMS, (anakinra, placebo), strict=True)]  # type: ignore[arg-type]


FLOW = [
    Target("R001", "approached", "all", "count", 312, 0),
    Target("R003", "screened", "all", "count", 124, 0),
    Target("R004", "screen failures", "all", "count", 54, 0),
    Target("R005", "randomised", "all", "count", 70, 0),
    Target("R006", "completed", "all", "count", 67, 0),
    *_counts("randomised", ("R007", "R008"), 34, 36),
    Target("R009", "excluded before first dose", "placebo", "count", 1, 0),
    *_counts("treated", ("R010", "R011"), 34, 35),
    *_counts("completed", ("R014", "R015"), 34, 33),
    *_counts("reduced antidiabetic dose", ("R016", "R017"), 2, 1),
    *_counts("clamp consent", ("R018", "R019"), 16, 19),
    Target("R021", "randomised in Denmark", "all", "count", 31, 0),
    Target("R022", "randomised in Switzerland", "all", "count", 39, 0),
    Target("R023", "cross-check samples", "all", "count", 22, 0),
    Target("R024", "cross-check", "all", "r2", 0.97, 2),
]

BASELINE = [
    *_pair("age", ("R026", "R027"), (60.6, 8.7), (60.3, 8.6), 1, 1),
    *_pair("bmi", ("R028", "R029"), (31.5, 5.2), (31.8, 4.4), 1, 1),
    *_pair("weight", ("R030", "R031"), (94.5, 16.7), (97.0, 9.0), 1, 1),
    *_pair("hba1c", ("R032", "R033"), (8.7, 1.0), (8.2, 0.9), 1, 1),
    *_pair("fpg", ("R034", "R035"), (10.8, 2.7), (10.0, 3.1), 1, 1),
    *_pair("cpeptide", ("R036", "R037"), (958, 312), (907, 508), 0, 0),
    *_pair("duration", ("R038", "R039"), (10.6, 6.2), (11.0, 7.3), 1, 1),
    *_pair("cholesterol", ("R040", "R041"), (4.65, 1.12), (4.86, 1.42), 2, 2),
    Target("R042", "hdl", "anakinra", "mean", 1.14, 2, False, "F01: one shifted value explains 1.35 +/- 1.27"),
    Target("R042", "hdl", "anakinra", "sd", 0.35, 2, False, "F01: one shifted value explains 1.35 +/- 1.27"),
    Target("R043", "hdl", "placebo", "mean", 1.09, 2),
    Target("R043", "hdl", "placebo", "sd", 0.33, 2),
    *_pair("creatinine", ("R044", "R045"), (91.5, 21.5), (94.3, 21.9), 1, 1),
    *_pair("sbp", ("R046", "R047"), (145.8, 15.9), (146.4, 18.7), 1, 1),
    *_pair("dbp", ("R048", "R049"), (83.4, 7.9), (82.7, 8.2), 1, 1),
    *_counts("male", ("R050", "R052"), 23, 27),
    *_counts("female", ("R051", "R053"), 11, 8),
    *_counts("smoking current", ("R054", "R055"), 5, 6),
    Target("R056", "smoking former", "anakinra", "count", 14, 0),
    Target("R057", "smoking former", "placebo", "count", 12, 0, True, "F03: of the 36 randomised"),
    *_counts("antihypertensive", ("R058", "R059"), 24, 26),
    *_counts("cardiovascular history", ("R060", "R061"), 16, 8),
    *_counts("albuminuria", ("R062", "R063"), 11, 11),
    *_counts("retinopathy", ("R064", "R065"), 7, 11),
    *_counts("diet", ("R066", "R067"), 3, 2),
    *_counts("oral", ("R068", "R069"), 18, 15),
    *_counts("insulin", ("R070", "R071"), 13, 18),
]

GLYCAEMIA = [
    Target("R072", "hba1c_two_decimals", "anakinra", "mean", 8.69, 2),
    Target("R073", "hba1c_week13", "anakinra", "mean", 8.37, 2, False, "F07: 8.36, a rounding step beside the change"),
    Target("R073", "hba1c_week13", "anakinra", "sd", 1.22, 2, False, "F07: the printed 0.21 read as standard error"),
    Target("R074", "hba1c_two_decimals", "placebo", "mean", 8.23, 2),
    Target("R075", "hba1c_week13", "placebo", "mean", 8.37, 2, False, "F07: rounding beside the printed change"),
    Target("R076", "hba1c_change", "anakinra", "mean", -0.33, 2),
    Target("R077", "hba1c_change", "placebo", "mean", 0.13, 2),
    Target("R078", "hba1c_change", "both", "difference", -0.46, 2),
    Target("R078", "hba1c_change", "both", "ci_low", -0.9, 1),
    Target("R078", "hba1c_change", "both", "ci_high", -0.01, 2),
    Target("R079", "hba1c_change4", "both", "difference", -0.36, 2),
    Target("R079", "hba1c_change4", "both", "ci_low", -0.6, 1),
    Target("R079", "hba1c_change4", "both", "ci_high", -0.11, 2),
    *_counts("hba1c_reduced", ("R080", "R081"), 21, 10),
    Target("R082", "hba1c_change, small body surface", "anakinra", "mean", -0.84, 2),
    Target("R083", "hba1c_change, middle body surface", "anakinra", "mean", -0.30, 2),
    Target("R084", "hba1c_change, large body surface", "anakinra", "mean", 0.11, 2),
    Target("R085", "hba1c_change and body surface", "anakinra", "r2", 0.22, 2),
    Target("R086", "hba1c_change and body surface", "placebo", "r2", 0.001, 3),
    Target("R087", "ogtt_start", "both", "difference", -0.6, 1),
    Target("R088", "ogtt_end", "both", "difference", -1.3, 1),
    Target("R178", "hba1c_change", "both", "sd", 0.912, 2),
    Target("R179", "hba1c_change4", "both", "sd", 0.502, 2),
    Target("R180", "ogtt_end", "both", "sd", 2.664, 1),
]

SECRETION = [
    Target(id, f"{name} and C-peptide area, {test}", arm, "r2", r2, 2, False, "areas follow from whole curves")  # type: ignore[arg-type]
    for id, name, test, arm, r2 in (
        ("R092", "hba1c_change", "oral", "anakinra", 0.13),
        ("R093", "hba1c_change", "oral", "placebo", 0.04),
        ("R094", "hba1c_change", "intravenous", "anakinra", 0.32),
        ("R095", "hba1c_change", "intravenous", "placebo", 0.03),
        ("R096", "hba1c_change", "combined", "anakinra", 0.18),
        ("R097", "hba1c_change", "combined", "placebo", 0.01),
        ("R098", "hba1c", "oral", "anakinra", 0.05),
        ("R099", "hba1c", "intravenous", "anakinra", 0.09),
        ("R100", "hba1c", "combined", "anakinra", 0.06),
    )
]

SENSITIVITY = [
    *_pair("mi_change", ("R101", "R102"), (-0.13, 1.76), (-0.56, 2.52), 2, 2),
    *_pair("homa_change", ("R103", "R104"), (0.003, 0.179), (0.029, 0.228), 3, 3),
    Target("R105", "clamp and fasting index", "all", "r2", 0.53, 2, False, "whether levels or changes is not said"),
    *_pair("glucose_oxidation_change", ("R107", "R108"), (0.02, 0.70), (-0.15, 0.37), 2, 2),
    *_pair("fat_oxidation_change", ("R109", "R110"), (-0.05, 0.26), (0.03, 0.20), 2, 2),
    *_pair("glut4_change", ("R123", "R124"), (-0.23, 1.43), (-0.34, 0.72), 2, 2),
    *_pair("pgc1a_change", ("R125", "R126"), (-0.12, 0.87), (-0.52, 0.79), 2, 2),
]

LABORATORY = [
    *_pair("neutrophils_change", ("R119", "R120"), (-1.2, 1.4), (-0.1, 1.3), 1, 1),
    *_pair("platelets_change", ("R121", "R122"), (-16.0, 25.4), (3.0, 23.0), 1, 1),
    *_pair("leptin_change", ("R127", "R128"), (-0.40, 6.86), (2.81, 10.98), 2, 2),
    *_pair("adiponectin_change", ("R129", "R130"), (3.69, 11.36), (-1.00, 8.59), 2, 2),
    *_pair("resistin_change", ("R131", "R132"), (-2.80, 8.56), (0.27, 7.65), 2, 2),
    *_pair("tnf_alpha_change", ("R133", "R134"), (-0.13, 1.44), (0.11, 1.56), 2, 2),
    *_pair("mcp1_change", ("R135", "R136"), (9.2, 50.8), (-3.3, 93.0), 1, 1),
    *_pair("il8_change", ("R137", "R138"), (-0.81, 4.55), (-0.08, 1.17), 2, 2),
    *_pair("bmi_week13", ("R146", "R148"), (31.8, 5.6), (32.0, 4.4), 1, 1),
    *_pair("il1ra", ("R150", "R151"), (1256, 958), (0.6, 0.4), 0, 0),
]
LABORATORY[-2:] = [Target("R151", "il1ra", "placebo", "mean", 0.6, 1), Target("R151", "il1ra", "placebo", "sd", 0.4, 1)]

EVENTS = [
    *_counts("injection_site_reaction", ("R154", "R155"), 17, 0),
    *_counts("injection_site_haematoma", ("R156", "R157"), 1, 0),
    *_counts("nausea", ("R158", "R159"), 1, 0),
    *_counts("facial_nerve_palsy", ("R160", "R161"), 1, 0),
    *_counts("urinary_tract_infection", ("R162", "R163"), 1, 0),
    *_counts("upper_respiratory_tract_infection", ("R164", "R165"), 1, 0),
    *_counts("ast_elevation", ("R166", "R167"), 1, 0),
    *_counts("dry_cough", ("R168", "R169"), 0, 1),
    *_counts("peroneal_nerve_palsy", ("R170", "R171"), 0, 1),
    *_counts("calf_pain", ("R172", "R173"), 0, 1),
    *_counts("phlegmonous_foot_infection", ("R174", "R175"), 0, 1),
    *_counts("symptomatic_hypoglycaemia", ("R176", "R177"), 0, 0),
]

TARGETS = [*FLOW, *BASELINE, *GLYCAEMIA, *SECRETION, *SENSITIVITY, *LABORATORY, *EVENTS]

_BY_KEY = {(t.name, t.group, t.statistic): t.value for t in reversed(TARGETS)}


def mean_sd(name: str, arm: int) -> tuple[float, float]:
    """Reported mean and SD of one arm (0 anakinra, 1 placebo)."""
    return _BY_KEY[name, ARMS[arm], "mean"], _BY_KEY[name, ARMS[arm], "sd"]  # type: ignore[index]


def value(name: str, group: str, statistic: str) -> float:
    """One reported number."""
    return _BY_KEY[name, group, statistic]  # type: ignore[index]

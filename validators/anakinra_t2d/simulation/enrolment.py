"""Who is approached, screened, randomised, treated and completes, where, when and in which arm."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anakinra_t2d.simulation.calendar import CH, DK, NONE, SITES, Days, day, is_sunday, no_sunday

Flags = NDArray[np.bool_]
Index = NDArray[np.int64]
Codes = NDArray[Any]

ANAKINRA, PLACEBO = 0, 1
BLOCK = 4
SMALLEST_WHOLE = 12
"""From this number of randomised patients on, a trial has every special case at least once and no empty table."""
FIRST_SCREENING, LAST_SCREENING = day(2004, 1, 12), day(2005, 3, 19)


@dataclass(frozen=True)
class Trial:
    """The people of the trial; arrays over the screened are ordered by subject id, the others by randomised patient."""

    seed: int
    approached: int
    # screened
    subject: Codes
    site: Index
    screening_date: Days
    consent_date: Days
    passed: Flags
    # randomised: `at` is their position among the screened
    at: Index
    arm: Index
    block: Index
    number: Index
    randomised_on: Days
    treated: Flags
    completed: Flags
    infected: Flags
    unblinded: Flags
    clamp: Flags
    baseline: Days
    first: Days
    last: Days
    week4: Days
    week13: Days
    ogtt13: Days
    clamp0: Days
    clamp13: Days
    ended: Days

    def rng(self, subject: str) -> Generator:
        """A generator of its own for each subject matter, so that one never shifts the draws of another."""
        return np.random.default_rng([self.seed, zlib.crc32(subject.encode())])

    @property
    def id(self) -> Codes:
        """Subject ids of the randomised."""
        return np.asarray(self.subject[self.at])

    @property
    def size(self) -> int:
        """Number of randomised patients."""
        return len(self.at)

    def group(self, arm: int, among: Flags) -> Index:
        """Positions of the patients of one arm among the randomised."""
        return np.flatnonzero((self.arm == arm) & among)


def count(patients: int, of_70: int) -> int:
    """A count of the trial scaled to another number of patients; rare cases appear once from SMALLEST_WHOLE on."""
    scaled = round(patients * of_70 / 70)
    return max(scaled, 1) if patients >= SMALLEST_WHOLE and of_70 else scaled


def share(group: Index | int, cases: int, of: int) -> int:
    """How many of a group have a feature that `cases` of `of` had."""
    size = group if isinstance(group, int) else len(group)
    return min(size, round(size * cases / of))


def enrol(patients: int, seed: int) -> Trial:
    """Draw the flow of the trial, allocation and calendar.

    Raises:
        ValueError: fewer than 4 patients.
    """
    if patients < 4:
        raise ValueError("a simulated trial needs at least 4 patients")
    rng = np.random.default_rng([seed, zlib.crc32(b"enrolment")])
    danish, failures = count(patients, 31), count(patients, 54)
    failed_danish = round(failures * 31 / 70)
    site = np.repeat([DK, CH, DK, CH], [danish, patients - danish, failed_danish, failures - failed_danish])
    passed = np.arange(len(site)) < patients
    screened = no_sunday(rng.integers(FIRST_SCREENING, LAST_SCREENING, size=len(site)))
    order = np.lexsort((rng.random(len(site)), screened, site))
    site, passed, screened = site[order], passed[order], screened[order]
    running = np.concatenate([np.arange(1, int((site == s).sum()) + 1) for s in (DK, CH)])
    subject = np.char.add(np.char.add(SITES[site], "-"), np.char.zfill(running.astype(str), 3))
    by_id = np.argsort(subject, kind="stable")
    site, passed, screened, subject = site[by_id], passed[by_id], screened[by_id], subject[by_id]
    consented = screened - rng.choice([0, 0, 0, 1, 2, 3, 5, 6], size=len(site)).astype(np.int32)

    at = np.flatnonzero(passed)
    baseline = no_sunday(screened[at] + rng.integers(8, 31, size=patients))
    arm, block, number = _allocate(site[at], baseline, rng)
    treated, infected, unblinded = _special_cases(arm, patients, rng)
    clamp = np.zeros(patients, dtype=bool)
    for which, cases, of in ((ANAKINRA, 16, 34), (PLACEBO, 19, 33)):
        group = np.flatnonzero((arm == which) & treated & ~infected & ~unblinded)
        clamp[rng.choice(group, share(group, cases, of), replace=False)] = True
    completed = treated & ~infected & ~unblinded
    dates = _calendar(baseline, clamp, completed, infected, unblinded, treated, rng)
    return Trial(
        seed=seed,
        approached=count(patients, 312),
        subject=subject,
        site=site,
        screening_date=screened,
        consent_date=consented.astype(np.int32),
        passed=passed,
        at=at,
        arm=arm,
        block=block,
        number=number,
        randomised_on=baseline,
        treated=treated,
        completed=completed,
        infected=infected,
        unblinded=unblinded,
        clamp=clamp,
        baseline=baseline,
        **dates,
    )


def _allocate(site: Index, date: Days, rng: Generator) -> tuple[Index, Index, Index]:
    """Permuted blocks of four within each site in the order of randomisation."""
    arm, block, number = (np.zeros(len(site), dtype=np.int64) for _ in range(3))
    for which in (DK, CH):
        here = np.flatnonzero(site == which)
        here = here[np.lexsort((rng.random(len(here)), date[here]))]
        full = len(here) // BLOCK
        blocks = np.tile([ANAKINRA, ANAKINRA, PLACEBO, PLACEBO], (full, 1))
        rest = np.array([PLACEBO, ANAKINRA, PLACEBO][: len(here) - full * BLOCK], dtype=np.int64)
        arm[here] = np.concatenate([rng.permuted(blocks, axis=1).ravel(), rng.permutation(rest)]).astype(np.int64)
        block[here] = np.arange(len(here)) // BLOCK + 1
        number[here] = np.arange(1, len(here) + 1)
    return arm, block, number


def _special_cases(arm: Index, patients: int, rng: Generator) -> tuple[Flags, Flags, Flags]:
    """Treated, withdrawn with an infection, withdrawn after analysing the own drug; all exceptions are on placebo."""
    placebo = rng.permutation(np.flatnonzero(arm == PLACEBO))
    each = count(patients, 1)
    if len(placebo) < 3 * each + 1:
        each = 0
    flags = [np.zeros(patients, dtype=bool) for _ in range(3)]
    for flag, start in zip(flags, (0, each, 2 * each), strict=True):
        flag[placebo[start : start + each]] = True
    excluded, infected, unblinded = flags
    return ~excluded, infected, unblinded


def _calendar(
    baseline: Days, clamp: Flags, completed: Flags, infected: Flags, unblinded: Flags, treated: Flags, rng: Generator
) -> dict[str, Days]:
    """All dates after screening.

    The baseline clamp follows the baseline glucose test by 2 to 6 days and precedes the first dose. At week 13 the
    glucose test of clamp patients comes first, the clamp 2 to 5 days later and the visit with the last blood sample
    closes the study, so that the clamp is done on drug and the visit still follows the last dose within a day.
    """
    n = len(baseline)
    wait = np.where(clamp, rng.integers(5, 8, size=n), rng.choice([0, 0, 0, 1, 1, 2, 3, 4], size=n))
    first = baseline + wait
    clamp0 = no_sunday(baseline + 2 + np.floor(rng.random(n) * (wait - 3).clip(1)).astype(np.int64))
    week4 = no_sunday(first + 28 + np.where(infected, 0, rng.integers(-2, 3, size=n)))
    clamp13 = no_sunday(first + rng.integers(90, 92, size=n))
    ogtt13 = clamp13 - rng.integers(2, 6, size=n)
    ogtt13 = ogtt13 - is_sunday(ogtt13.astype(np.int32))
    closing = no_sunday(clamp13 + rng.integers(0, 2, size=n))
    week13 = np.where(clamp, closing, no_sunday(first + rng.integers(88, 93, size=n)))
    ogtt13 = np.where(clamp, ogtt13, week13)
    ended = np.where(infected, no_sunday(week4 + 3), np.where(unblinded, no_sunday(week4 + 9), NONE))
    last = week13 - (rng.random(n) < 0.4)
    last = np.where(infected, week4, np.where(unblinded, week4 + 8, last))

    def only(days: NDArray[Any], where: Flags) -> Days:
        return np.where(where, days, NONE).astype(np.int32)

    return {
        "first": only(first, treated),
        "last": only(last, treated),
        "week4": only(week4, treated),
        "week13": only(week13, completed),
        "ogtt13": only(ogtt13, completed),
        "clamp0": only(clamp0, clamp),
        "clamp13": only(clamp13, clamp & completed),
        "ended": only(ended, infected | unblinded),
    }

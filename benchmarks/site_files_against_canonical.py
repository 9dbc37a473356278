"""How long ``convert`` takes for files as sites send them against plain canonical CSV of the same records.

    python -m benchmarks.site_files_against_canonical [--rows 2e5 1e6] [--repeat 3] [--work DIR]

For each size a synthetic trial is simulated whose sites have about so many rows each over all tables. The records of
the Danish site are written as workbooks, those of Zurich as Windows-1252 text files with its laboratory results one a
row, both with their profile, and the records of each as canonical CSV. Each run is a process of its own. Times are
until all tables are Parquet (read, harmonised, typed, row checks); the rules across rows and tables follow and are
the same for both. Seconds depend on the machine, the ratio hardly does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.convert_against_polars import OURS, run

SITES = {"denmark": "XLSX", "zurich": "CSV"}
ROWS_PER_PATIENT = 175
SIMULATE = """
import json, sys
from pathlib import Path
from anakinra_t2d.schema import definitions
from anakinra_t2d.simulation import tables
from anakinra_t2d.simulation.layouts import canonical_texts, deliver, records_of_site
found, work = definitions(), Path(sys.argv[1])
trial = tables(int(sys.argv[2]), 1)
texts = {name: canonical_texts(name, frame, found) for name, frame in trial.items()}
for name in sys.argv[3:]:
    profile = found.profiles[name]
    rows = deliver(trial, profile, found, work / name)
    canonical = work / f"{name}-canonical"
    canonical.mkdir()
    for table, frame in records_of_site(texts, profile.site, found).items():
        if frame.height:
            frame.write_csv(canonical / f"{table}.csv", line_terminator="\\n")
    (work / f"{name}.json").write_text(json.dumps(sum(rows.values())))
"""


def main() -> None:
    """Run the comparison and print one line per size and site, then the growth of memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=float, default=[2e5, 1e6])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path, help="folder for the data; kept, so that it can be used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        peaks: dict[str, dict[int, float]] = {site: {} for site in SITES}
        print("site files     rows        canonical s  site s   ratio  canonical MiB  site MiB")
        for size in options.rows:
            source = work / f"sites-{int(size)}"
            if not all((source / f"{site}.json").exists() for site in SITES):
                source.mkdir(parents=True)
                patients = str(max(8, round(size / ROWS_PER_PATIENT) * len(SITES)))
                subprocess.run([sys.executable, "-c", SIMULATE, source, patients, *SITES], check=True)
            for site, form in SITES.items():
                total = json.loads((source / f"{site}.json").read_text())
                pairs = [
                    (run(OURS, source / f"{site}-canonical", work / "out"), run(OURS, source / site, work / "out"))
                    for _ in range(options.repeat)
                ]
                plain, sent = median(c[2] for c, _ in pairs), median(s[2] for _, s in pairs)
                ratio = median(s[2] / c[2] for c, s in pairs)
                plain_peak = median(c[1] for c, _ in pairs) / 1024
                peaks[site][total] = median(s[1] for _, s in pairs) / 1024
                print(
                    f"{site + ' ' + form:<14} {total:<11,} {plain:<12.2f} {sent:<8.2f} {ratio:<6.2f} "
                    f"{plain_peak:<14.0f} {peaks[site][total]:.0f}",
                    flush=True,
                )
        for site, peak in peaks.items():
            if len(peak) > 1:
                low, high = min(peak), max(peak)
                print(f"memory, {site}: {peak[low]:.0f} MiB at {low:,} rows, {peak[high]:.0f} MiB at {high:,} rows")


if __name__ == "__main__":
    main()

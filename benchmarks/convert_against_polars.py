"""How long ``convert`` takes against a bare polars conversion of the same CSV files, and how much memory each needs.

    python benchmarks/convert_against_polars.py [--rows 1e5 1e6 1e7] [--repeat 3] [--work DIR]

For each size a synthetic trial is simulated (about 175 rows a patient over all tables). Each run is a process of its
own. The bare conversion checks nothing: ``scan_csv(...).cast(...).sink_parquet(...)`` of each file, typed as the
schema says. "to Parquet" is convert until all tables are written (read, typed, row checks); the rest are keys,
references and the rules across rows and tables, which a bare conversion has no counterpart for.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

BARE = """
import sys, time, resource
from pathlib import Path
import polars as pl
from anakinra_t2d.schema import definitions
from anakinra_t2d.harmonise.typing import CellTyper
found, source, out = definitions(), Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir()
schemas = {path: CellTyper(found.tables[path.stem], found).schema() for path in sorted(source.glob("*.csv"))}
start = time.perf_counter()
for path, types in schemas.items():
    lazy = pl.scan_csv(path, schema=dict.fromkeys(types, pl.String))
    casts = [
        pl.col(n) == "true" if t == pl.Boolean
        else pl.col(n).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False) if t == pl.Datetime
        else pl.col(n).str.to_date() if t == pl.Date
        else pl.col(n).cast(t)
        for n, t in types.items()
    ]
    lazy.with_columns(casts).sink_parquet(out / f"{path.stem}.parquet", compression="zstd")
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
OURS = """
import sys, time, resource
import anakinra_t2d as trial
from anakinra_t2d.conversion.run import convert
import duckdb, polars, pyarrow.parquet
trial.definitions()
start = time.perf_counter()
steps = []
outcome = convert(sys.argv[1], out=sys.argv[2], progress=lambda step, part: steps.append((step, time.perf_counter())))
end = time.perf_counter()
written = next(at for step, at in steps if step == "keys and references")
print(end - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, written - start)
"""
SIMULATE = """
import json, sys
from pathlib import Path
from anakinra_t2d.simulation import simulate
rows = simulate(sys.argv[1], patients=int(sys.argv[2]), seed=1)
(Path(sys.argv[1]) / "rows.json").write_text(json.dumps(rows))
"""


def run(script: str, source: Path, out: Path) -> list[float]:
    """The numbers that a process prints: seconds after its imports, peak memory in KiB, and more."""
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([sys.executable, "-c", script, source, out], stdout=subprocess.PIPE, text=True, check=True)
    shutil.rmtree(out, ignore_errors=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Run the comparison and print one line per size, then the growth of memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=float, default=[1e5, 1e6, 1e7])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path, help="folder for the data; kept, so that it can be used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        peaks = {}
        print("rows        bare s  to Parquet s  ratio  with all rules s  ratio  bare MiB  convert MiB")
        for size in options.rows:
            source = work / f"trial-{int(size)}"
            if not (source / "rows.json").exists():
                patients = str(max(4, round(size / 175)))
                subprocess.run([sys.executable, "-c", SIMULATE, source, patients], check=True)
            total = sum(json.loads((source / "rows.json").read_text()).values())
            pairs = [(run(BARE, source, work / "out"), run(OURS, source, work / "out")) for _ in range(options.repeat)]
            bare, ours = median(b[0] for b, _ in pairs), median(o[0] for _, o in pairs)
            written = median(o[2] for _, o in pairs)
            ratios = median(o[2] / b[0] for b, o in pairs), median(o[0] / b[0] for b, o in pairs)
            peaks[total] = median(o[1] for _, o in pairs) / 1024
            bare_peak = median(b[1] for b, _ in pairs) / 1024
            print(
                f"{total:<11,} {bare:<7.2f} {written:<13.2f} {ratios[0]:<6.2f} {ours:<17.2f} {ratios[1]:<6.1f} "
                f"{bare_peak:<9.0f} {peaks[total]:.0f}",
                flush=True,
            )
        if len(peaks) > 1:
            low, high = min(peaks), max(peaks)
            print(f"memory: {peaks[low]:.0f} MiB at {low:,} rows, {peaks[high]:.0f} MiB at {high:,} rows")


if __name__ == "__main__":
    main()

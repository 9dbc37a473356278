"""How long ``convert`` takes against a bare polars conversion of the same CSV files, and how much memory each needs.

    python benchmarks/convert_against_polars.py [--rows 1e5 1e6 1e7] [--repeat 3] [--work DIR]

For each size a synthetic trial is simulated (about 175 rows a patient over all tables). Each run is a process of its
own. The bare conversion checks nothing: ``scan_csv(...).cast(...).sink_parquet(...)`` of each file, typed as the
schema says.
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
    casts = [pl.col(n) == "true" if t == pl.Boolean else pl.col(n).cast(t) for n, t in types.items()]
    lazy.with_columns(casts).sink_parquet(out / f"{path.stem}.parquet", compression="zstd")
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
OURS = """
import sys, time, resource
import anakinra_t2d as trial
from anakinra_t2d.conversion.run import convert
import duckdb, polars, pyarrow.parquet, pandera.polars
trial.definitions()
start = time.perf_counter()
outcome = convert(sys.argv[1], out=sys.argv[2])
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, outcome.errors, outcome.warnings)
"""


def run(script: str, source: Path, out: Path) -> tuple[float, float]:
    """Seconds after imports, and peak memory in MiB, of one process."""
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([sys.executable, "-c", script, source, out], capture_output=True, text=True, check=True)
    seconds, peak = done.stdout.split()[:2]
    shutil.rmtree(out, ignore_errors=True)
    return float(seconds), float(peak) / 1024


def main() -> None:
    """Run the comparison and print one line per size, then the growth of memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=float, default=[1e5, 1e6, 1e7])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path, help="folder for the data; kept, so that it can be used again")
    options = parser.parse_args()
    from anakinra_t2d.simulation import simulate

    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        peaks = {}
        print("rows        bare s   convert s   ratio   bare MiB   convert MiB")
        for size in options.rows:
            source = work / f"trial-{int(size)}"
            if not (source / "rows.json").exists():
                rows = simulate(source, patients=max(4, round(size / 175)), seed=1)
                (source / "rows.json").write_text(json.dumps(rows))
            total = sum(json.loads((source / "rows.json").read_text()).values())
            pairs = [(run(BARE, source, work / "out"), run(OURS, source, work / "out")) for _ in range(options.repeat)]
            bare, ours = median(b[0] for b, _ in pairs), median(o[0] for _, o in pairs)
            peaks[total] = median(o[1] for _, o in pairs)
            ratio = median(o[0] / b[0] for b, o in pairs)
            bare_peak = median(b[1] for b, _ in pairs)
            print(
                f"{total:<11,} {bare:<8.2f} {ours:<11.2f} {ratio:<7.2f} {bare_peak:<10.0f} {peaks[total]:.0f}",
                flush=True,
            )
        if len(peaks) > 1:
            low, high = min(peaks), max(peaks)
            print(f"memory grows from {peaks[low]:.0f} to {peaks[high]:.0f} MiB from {low:,} to {high:,} rows")


if __name__ == "__main__":
    main()

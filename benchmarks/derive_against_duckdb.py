"""How long ``derive`` takes against one bare DuckDB aggregation over the same Parquet, and how much memory each needs.

    python -m benchmarks.derive_against_duckdb [--patients 1e4 1e5 1e6] [--repeat 1] [--work DIR]

For each size the converted tables of a synthetic trial of 70 patients are multiplied under new subject numbers. Each
run is a process of its own. The bare aggregation derives nothing: mean and standard deviation by arm and visit of every
field that a parameter reads. ``derive`` makes all parameters and endpoints with their states, judges eligibility,
counts the enrolment flow, tests every endpoint and writes Parquet. "rows" are the parameters and endpoints it writes.
"cpu s" are seconds of all processors, which the ratio compares: other programs do not change them much.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

MULTIPLY = """
import shutil, sys
from pathlib import Path
import duckdb
import anakinra_t2d as trial
work, copies, whole = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
out = whole.with_name(whole.name + ".partial")
shutil.rmtree(out, ignore_errors=True)
found = trial.definitions()
if not (work / "converted").exists():
    trial.simulate(work / "sent", patients=70, seed=1)
    trial.convert(work / "sent", out=work / "converted")
out.mkdir()
con = duckdb.connect(config={"memory_limit": "4GB", "temp_directory": str(work)})
for name in ("manifest.json", "datapackage.json"):
    (out / name).write_text((work / "converted" / name).read_text())
for name, table in found.tables.items():
    source = work / "converted" / f"{name}.parquet"
    new = [f"{column} || '-' || i AS {column}" for column in ("subject_id", "contact_id") if column in table.fields]
    if table.role == "flags":
        new = ["regexp_replace(record_key, '^subject_id=([^|]*)', 'subject_id=\\\\1-' || i) AS record_key"]
    times = copies if new and name not in ("exposure", "lineage", "clamp_samples") else 1
    replaced = "REPLACE (" + ", ".join(new) + ")" if new else ""
    con.execute(f"COPY (SELECT * {replaced} FROM read_parquet('{source}'), "
        f"range({times}) AS t(i)) TO '{out / source.name}' (FORMAT parquet, COMPRESSION zstd)")
out.rename(whole)
"""
OURS = """
import sys, time, resource
import pyarrow.parquet as pq
from pathlib import Path
import duckdb, polars, scipy.stats
from anakinra_t2d.derivation.run import derive
start, used = time.perf_counter(), time.process_time()
derive(sys.argv[1])
end, used = time.perf_counter(), time.process_time() - used
rows = sum(pq.ParquetFile(Path(sys.argv[1]) / f"{n}.parquet").metadata.num_rows for n in ("parameters", "endpoints"))
print(end - start, used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, rows)
"""
BARE = """
import sys, time, resource
from pathlib import Path
import duckdb
import anakinra_t2d as trial
found, folder = trial.definitions(), Path(sys.argv[1])
fields = {}
for card in found.endpoints.parameters:
    source = getattr(card, "input", None)
    if source and found.tables[source.table].fields[source.field].type in ("number", "integer"):
        fields.setdefault(source.table, set()).add(source.field)
con = duckdb.connect(config={"memory_limit": "1GB", "threads": "2", "temp_directory": str(folder / "spill")})
con.execute("SET enable_progress_bar = false")
start, used = time.perf_counter(), time.process_time()
for name, columns in fields.items():
    table = found.tables[name]
    by = ["a.arm", *(f"t.{key}" for key in table.key if key in ("visit", "nominal_min", "week"))]
    numbers = ", ".join(f"AVG(t.{column}), STDDEV(t.{column})" for column in sorted(columns))
    con.execute(f"SELECT {', '.join(by)}, {numbers} FROM read_parquet('{folder / name}.parquet') AS t "
        f"JOIN read_parquet('{folder}/randomisation.parquet') AS a USING (subject_id) GROUP BY ALL").fetchall()
print(time.perf_counter() - start, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def run(script: str, folder: Path) -> list[float]:
    """What a process prints: seconds and processor seconds after its imports, peak memory in KiB, and more."""
    done = subprocess.run([sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Run the comparison and print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", nargs="+", type=float, default=[1e4, 1e5, 1e6])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--work", type=Path, help="folder for the data; kept, so that it can be used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(exist_ok=True)
        print("patients    rows derived  bare s  cpu s   derive s  cpu s   ratio  bare MiB  derive MiB", flush=True)
        for size in options.patients:
            folder = work / f"patients-{int(size)}"
            copies = max(1, round(size / 70))
            if not folder.exists():
                command = [sys.executable, "-c", MULTIPLY, work, str(copies), folder]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            pairs = [(run(BARE, folder), run(OURS, folder)) for _ in range(options.repeat)]
            (bare, bare_used), (ours, used) = (
                [median(one[place][column] for one in pairs) for column in (0, 1)] for place in (0, 1)
            )
            ratio = median(o[1] / b[1] for b, o in pairs)
            peaks = [median(one[place][2] for one in pairs) / 1024 for place in (0, 1)]
            print(
                f"{copies * 70:<11,} {pairs[0][1][3]:<13,.0f} {bare:<7.2f} {bare_used:<7.2f} {ours:<9.2f} "
                f"{used:<7.2f} {ratio:<6.1f} {peaks[0]:<9.0f} {peaks[1]:.0f}",
                flush=True,
            )
            if options.work is None:
                shutil.rmtree(folder)


if __name__ == "__main__":
    main()

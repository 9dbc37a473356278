"""``PYTHONPATH=tests python -m fuzz --inputs 1e5 --seed 1``: damage, read, report, keep what failed."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from fuzz.parent import Worker
from fuzz.seeds import write_seeds

CORPUS = Path(__file__).parent / "corpus"
_MOST_TRIES = 150
_ROUND = 50


@click.command()
@click.option("--inputs", default="1e4", show_default=True, help="How many damaged files in all.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same files.")
@click.option("--only", multiple=True, metavar="READER", help="Only this reader; may be given several times.")
@click.option("--whole", "whole_every", default=0, show_default=True, help="Give every n-th input to the command too.")
@click.option("--minutes", default=0.0, help="Stop after this time.  [default: no limit]")
@click.option("--keep", default=CORPUS, type=click.Path(path_type=Path), help="Folder for the inputs that failed.")
def main(inputs: str, seed: int, only: tuple[str, ...], whole_every: int, minutes: float, keep: Path) -> None:
    """Damage small valid files and read them; exit with 1 when one becomes anything but sentences."""
    began = time.monotonic()
    run, failures, whole_run = Counter[str](), dict[tuple[str, str], int](), 0
    with tempfile.TemporaryDirectory() as name:
        seeds = Path(name) / "seeds"
        write_seeds(seeds)
        files = {path.parent.name: path for path in sorted(seeds.rglob("*")) if path.is_file()}
        readers = [reader for reader in files if not only or reader in only]
        worker = Worker(Path(name) / "work")
        total, number = int(float(inputs)), 0
        while number < total and not (minutes and time.monotonic() - began > 60 * minutes):
            reader = readers[number // _ROUND % len(readers)]
            job: dict[str, Any] = {"reader": reader, "seed_file": str(files[reader]), "name": files[reader].name}
            job |= {"number": number, "seed": seed, "ready": None}
            ways = [False, True] if whole_every and number % whole_every == 0 else [False]
            for whole in ways:
                wrong = worker.run(**job, whole=whole)
                whole_run += whole
                if wrong:
                    _failure(worker, {**job, "whole": whole}, wrong, failures, keep)
            run[reader] += 1
            number += 1
        worker.close()
    for reader in readers:
        click.echo(f"{reader:24} {run[reader]:8,}")
    click.echo(f"{'all':24} {sum(run.values()):8,}, {whole_run:,} of them also by the whole command, seed {seed}")
    for (reader, kind), times in sorted(failures.items()):
        click.echo(f"FAILED {reader}: {kind} ({times} times)")
    click.echo(f"{len(failures)} kinds of failure in {time.monotonic() - began:.0f} s")
    raise SystemExit(1 if failures else 0)


def _failure(
    worker: Worker, job: dict[str, Any], wrong: dict[str, str], failures: dict[tuple[str, str], int], keep: Path
) -> None:
    key = (job["reader"], wrong["kind"])
    failures[key] = failures.get(key, 0) + 1
    if failures[key] > 1:
        return
    data = (worker.folder / job["name"]).read_bytes()
    again = worker.run(**{**job, "ready": data.hex()})
    if not again or again["kind"] != wrong["kind"]:
        click.echo(f"not again: {job['reader']} {job['number']}: {wrong['kind']}")
        del failures[key]
        return
    click.echo(f"{job['reader']} {job['number']}: {wrong['kind']}\n{wrong['words']}")
    tries = 5 if wrong["kind"] == "hang" else _MOST_TRIES
    small = _smaller(worker, job, data, wrong["kind"], tries)
    keep.mkdir(parents=True, exist_ok=True)
    (keep / f"{job['reader']}-{job['seed']}-{job['number']}--{job['name']}").write_bytes(small)


def _smaller(worker: Worker, job: dict[str, Any], data: bytes, kind: str, tries: int) -> bytes:
    """The smallest bytes found that fail in the same way: pieces are left out, ever smaller ones."""
    size = len(data) // 2
    while size and tries:
        at = 0
        while at < len(data) and tries:
            shorter = data[:at] + data[at + size :]
            wrong = worker.run(**{**job, "ready": shorter.hex()})
            tries -= 1
            if wrong and wrong["kind"] == kind:
                data = shorter
            else:
                at += size
        size //= 2
    return data


if __name__ == "__main__":
    main()

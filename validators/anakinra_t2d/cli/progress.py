"""A bar that says what is being done, how far it is and how long it still takes, on terminals only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def showing_progress() -> Iterator[Callable[[str, float], None]]:
    """Yield a function that takes a short text and the part that is done (0 to 1); silent without a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text, part: None
        return
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("looking at the files", total=1.0)
        yield lambda text, part: bar.update(task, description=text, completed=part)

"""Runs the definition and says which lines of which table break which rule."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "shared"))
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
from answer import answer
from definition import definition
from great_expectations.data_context.types.base import ProgressBarsConfig
from prepared import read


def found(folder: str) -> Iterator[tuple[str, str, int]]:
    frames = read(folder)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("trial")
    for table, suite in definition(frames).items():
        whole = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("whole")
        batch = whole.get_batch({"dataframe": frames[table]})
        for result in batch.validate(suite, result_format={"result_format": "COMPLETE"}).results:
            config = result.expectation_config
            if result.exception_info.get("raised_exception") or "unexpected_index_list" not in result.result:
                sys.exit(f"{config.type} of {table} did not run: {config.kwargs} {result.exception_info}")
            yield from (
                (config.meta["code"], table, int(line)) for line in result.result["unexpected_index_list"] or ()
            )


if __name__ == "__main__":
    answer("great_expectations", found)

"""``derive`` on Spark: the records of all patients are read there, what follows from their results is made here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d.derivation.aligned_columns import Scattered
from anakinra_t2d.derivation.converted import open_converted
from anakinra_t2d.derivation.run import Derived
from anakinra_t2d.derivation.run import derive as derive_with
from anakinra_t2d.derivation.workspace import AT_ONCE, Workspace
from anakinra_t2d.endpoint_views.parameters import SUBJECTS, WITHOUT_RECORD, parameter_query
from anakinra_t2d.endpoint_views.views import relation_of
from anakinra_t2d.schema import definitions
from anakinra_t2d.schema.readings import checked
from anakinra_t2d.spark.connection import SparkConnection
from anakinra_t2d.spark.relations import make_tables
from anakinra_t2d.spark.session import spark_session

if TYPE_CHECKING:
    import pyarrow as pa

    from anakinra_t2d.derivation.run import Progress
    from anakinra_t2d.derivation.workspace import Made
    from anakinra_t2d.endpoint_views.samples import FromTable
    from anakinra_t2d.schema import Definitions


def derive(
    folder: str | Path,
    *,
    master: str,
    readings: Mapping[str, str] | None = None,
    all_readings: bool = False,
    found: Definitions | None = None,
    progress: Progress | None = None,
) -> Derived:
    """Derive as :func:`anakinra_t2d.derivation.run.derive` does, with the records read on the Spark at ``master``.

    Raises:
        InputError: see there; and Spark cannot be used.
        ReadingError: a reading or choice does not exist.
        OutputError: the directory cannot be written.
    """
    known = found or definitions()
    # what is wrong with the arguments is said before Spark starts
    checked(known, readings or {})
    converted = open_converted(Path(folder), known)
    with spark_session(master) as session, closing(SparkConnection(session)) as connection:
        make_tables(connection, known, {name: [path] for name, path in converted.tables.items()})
        connection.execute(
            f"CREATE TABLE {SUBJECTS} AS SELECT DISTINCT subject_id FROM ({known.endpoints.subjects}) AS everyone"
        )

        class OnSpark(SparkWorkspace):
            spark = connection

        return derive_with(
            folder, readings=readings, all_readings=all_readings, found=known, progress=progress, workspace=OnSpark
        )


class SparkWorkspace(Workspace):
    """Makes the parameters that come from records on Spark, and all others from their results as everywhere."""

    spark: SparkConnection

    def _from_records(self, card: FromTable) -> Made:
        import pyarrow.compute as pc

        patients, visits = len(self.subjects), list(card.visits)
        found = Scattered(patients * len(visits), WITHOUT_RECORD)
        query = parameter_query(
            card, self.definitions, lambda id: relation_of(self.definitions.endpoints, id), self.wrong_units
        )
        rows = self.spark.arrow(f"SELECT subject_id, visit, value, state, reason FROM ({query}) AS found")
        for batch in rows.to_batches(AT_ONCE):
            who = pc.index_in(batch.column("subject_id"), value_set=self.subjects)
            when = pc.index_in(batch.column("visit"), value_set=_words(visits))
            place = pc.add(pc.multiply(pc.cast(when, "int64"), patients), pc.cast(who, "int64"))
            found.put(_with_place(batch, place))
        return {visit: found.table(place * patients, (place + 1) * patients) for place, visit in enumerate(visits)}


def _words(words: list[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(words, pa.string())


def _with_place(batch: pa.RecordBatch, place: Any) -> pa.RecordBatch:
    import pyarrow as pa

    columns = {"place": place} | {name: batch.column(name) for name in ("value", "state", "reason")}
    return pa.record_batch(columns)

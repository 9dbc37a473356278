"""Reads Feather and Arrow IPC files, and Arrow IPC streams, one record batch after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from anakinra_t2d.reading.arrow_columns import (
    ERRORS,
    FIRST_ROW,
    ROWS_AT_ONCE,
    batch_text,
    header_of,
    short,
    text_columns_of,
    units_of,
)
from anakinra_t2d.reading.cells import Part, TextTable
from anakinra_t2d.reading.encoding import foreign_kind
from anakinra_t2d.reading.problems import UnreadableError

_FILE = b"ARROW1"
_FEATHER_1 = b"FEA1"
_STREAM = b"\xff\xff\xff\xff"
_STREAM_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class ArrowTable(TextTable):
    """A Feather (version 2) or Arrow IPC file, or an IPC stream, as text cells; see ``arrow_columns.column_text``.

    Memory holds one record batch of the file at a time. A stream must end with its end mark, as half a stream cannot
    be told from a whole one without it.
    """

    def _open(self) -> list[str] | None:
        with self.file.path.open("rb") as stream:
            head = stream.read(4096)
            stream.seek(max(0, self.size - len(_STREAM_END)))
            tail = stream.read()
        self._is_file = head.startswith(_FILE)
        if head.startswith(_FEATHER_1):
            raise UnreadableError("the file is Feather of version 1; save it as version 2, as Parquet or as CSV")
        if not self._is_file and not head.startswith(_STREAM):
            kind = foreign_kind(head)
            found = kind.split(",")[0] if kind else "the file is something else"
            raise UnreadableError(f"{found}, not a Feather or Arrow file")
        if not self._is_file and tail != _STREAM_END:
            raise UnreadableError("the Arrow stream has no end mark; it was cut off or is still being written")
        try:
            with pa.memory_map(str(self.file.path)) as source, self._reader(source) as reader:
                schema = reader.schema
            self.units = units_of(schema)
            self.text_columns = text_columns_of(schema)
            return header_of(schema)
        except UnicodeDecodeError:
            raise UnreadableError("the file is damaged: the name of a column is not UTF-8 text") from None
        except ERRORS as error:
            raise UnreadableError(f"the file is not a readable Arrow file: {short(error)}") from None

    def _reader(self, source: pa.NativeFile) -> pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader:
        return pa.ipc.open_file(source) if self._is_file else pa.ipc.open_stream(source)

    def _parts(self) -> Iterator[Part]:
        row = FIRST_ROW
        try:
            with pa.memory_map(str(self.file.path)) as source, self._reader(source) as reader:
                for whole in self._batches_of(reader):
                    whole.validate(full=True)  # without it, wrong offsets would read memory that is not the file's
                    for start in range(0, whole.num_rows, ROWS_AT_ONCE):
                        batch = whole.slice(start, ROWS_AT_ONCE)
                        yield Part(batch_text(batch), row, odd=True)
                        row += batch.num_rows
        except ERRORS as error:
            raise UnreadableError(f"the Arrow file is damaged from row {row} on: {short(error)}") from None

    def _batches_of(self, reader: pa.ipc.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        if self._is_file:
            for place in range(reader.num_record_batches):
                yield reader.get_batch(place)
        else:
            yield from reader

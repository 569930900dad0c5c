"""CSV as AWS lands it (gzip, zip or plain), turned into typed Parquet, one file at a time.

What is here: inflating with all checksums verified, the header, and the one statement that types a file.
When to add here: another compression or dialect of CSV that AWS delivers.
What does not belong here: how a column is read (``columns``, ``focus``) and what a delivery must satisfy
(``totals``).

DuckDB reads gzip by itself but leaves its checksum unread, and cannot read zip. So Python inflates, which
verifies every byte, and DuckDB reads the text through a pipe: no temporary file, and memory that does not
grow with the file.
"""

import csv
import hashlib
import io
import os
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import duckdb

from orchestration.errors import DeliveryError
from orchestration.ingest.columns import (
    BAD_VALUES,
    CANONICAL_COLUMNS,
    EXCESS_DECIMALS,
    Kind,
    Origin,
    Reading,
    SourceColumn,
    bad_value_condition,
    bad_values_sql,
    excess_decimals,
    json_map_sql,
    literal,
    quoted,
    read_columns,
    snake_name,
)
from orchestration.ingest.focus import FOCUS_MAPS, is_focus, read_focus_columns
from orchestration.ingest.landing import LandedObject, Landing

__all__ = ["ConvertedFile", "TextPipe", "convert_csv", "csv_text", "duckdb_said", "is_csv", "query_csv", "read_header"]

# Columns that CSV holds as JSON text.
_MAPS = frozenset(column.name for column in CANONICAL_COLUMNS if column.kind in (Kind.TEXT_MAP, Kind.DECIMAL_MAP))
_ENDINGS = (".csv.gz", ".csv.zip", ".csv", ".gz", ".zip")
_BLOCK = 1 << 20
# A header of 4 MB would be some 50,000 columns: not a CUR.
_LONGEST_HEADER = 4 << 20
# Cells per row group, which is what a conversion holds in memory: 63,488 rows of 126 columns, half of DuckDB's
# default, take 370 MB instead of 650 and read no slower.
_ROW_GROUP_CELLS = 8_000_000
_VECTOR = 2_048
# Bytes per buffer of DuckDB's CSV reader; more only costs memory when one pipe feeds one reader.
_CSV_BUFFER = 4_000_000
_PIPE_CAPACITY = 1 << 20


@dataclass(frozen=True)
class ConvertedFile:
    """A CSV file that was turned into Parquet.

    Attributes:
        headers: column names as in the file; empty for a file without any content.
        checksum: sha256 of the file as landed.
    """

    headers: tuple[str, ...]
    checksum: str


def is_csv(key: str) -> bool:
    """Return whether ``key`` is named like a CSV file, compressed or not."""
    return key.lower().endswith(_ENDINGS)


def csv_text(
    landing: Landing, landed: LandedObject, scratch: Path, digest: "hashlib._Hash | None" = None
) -> Iterator[bytes]:
    """Yield the text of a CSV file in blocks, and verify its compression to the last byte.

    Args:
        landing: where the file lies.
        landed: the file.
        scratch: a path that may be used for a local copy of a zip file, which cannot be read front to back.
        digest: is fed the file's bytes as landed.

    Raises:
        DeliveryError: the file is truncated or damaged.
    """
    name = landed.key.lower()
    if name.endswith(".zip"):
        yield from _unzipped(landing, landed, scratch, digest)
        return
    blocks = _hashed(landing.blocks(landed), digest)
    yield from _inflated(blocks, landed.key) if name.endswith(".gz") else blocks


def read_header(text: Iterator[bytes], key: str) -> tuple[tuple[str, ...], bytes]:
    """Return the column names of a CSV file, and the text read to find them; no names without content.

    Raises:
        DeliveryError: there is no header line that could be one.
    """
    start = b""
    for block in text:
        start += block
        if b"\n" in start or len(start) > _LONGEST_HEADER:
            break
    if not start.strip():
        return (), start
    try:
        line = start.partition(b"\n")[0].decode("utf-8-sig")
        names = tuple(name.strip() for name in next(csv.reader(io.StringIO(line), strict=True)))
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise DeliveryError(f"{key}: its first line is not a CSV header ({error}).") from None
    if len(names) < 2 or not all(names):
        raise DeliveryError(f"{key}: its first line is not the header of a CUR: {line[:80]!r}.")
    return names, start


def convert_csv(
    connection: duckdb.DuckDBPyConnection, landing: Landing, landed: LandedObject, target: Path
) -> ConvertedFile:
    """Turn one CSV file into ``target``, Parquet with canonical columns in the file's row order.

    Nothing is written for a file without any content. Memory does not depend on the file's size.

    Args:
        connection: a connection of its own to a scratch database, with ``preserve_insertion_order``.
        landing: where the file lies.
        landed: the file.
        target: the Parquet file to write.

    Raises:
        DeliveryError: the file is truncated, damaged or no CSV; names the file, and the line where there is one.
    """
    digest = hashlib.sha256()
    partial = target.with_name(f"{target.name}.partial")
    headers, _ = query_csv(
        connection,
        landing,
        landed,
        target.with_name(f"{target.name}.zip"),
        lambda reading, rows: _copy_statement(reading, rows, partial),
        digest,
    )
    if headers:
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    return ConvertedFile(headers, digest.hexdigest())


def query_csv(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    landed: LandedObject,
    scratch: Path,
    statement: Callable[[Reading, str], str],
    digest: "hashlib._Hash | None" = None,
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Run a statement over the rows of a CSV file and verify the file to its last byte.

    Args:
        connection: any connection.
        landing: where the file lies.
        landed: the file.
        scratch: a path for a local copy of a zip file; removed afterwards.
        statement: makes the statement from how the file is read and from the relation that holds its rows.
        digest: is fed the file's bytes as landed.

    Returns:
        The file's column names and what the statement returned; both empty for a file without any content.

    Raises:
        DeliveryError: the file is truncated, damaged or no CSV.
    """
    try:
        text = csv_text(landing, landed, scratch, digest)
        headers, start = read_header(text, landed.key)
        if not headers:
            for _ in text:
                pass
            return (), []
        # Positional names: headers may differ only by case, which SQL identifiers do not tell apart.
        focus = is_focus(headers)
        sources = [_source(snake_name(header), n, focus) for n, header in enumerate(headers)]
        reading = read_focus_columns(headers, sources) if focus else read_columns(sources, Origin.TEXT_FILE)
        with TextPipe(start, text) as pipe:
            try:
                sql = statement(reading, _rows(sources, pipe.path, nulls=["", "NULL"] if focus else [""]))
                rows = connection.execute(sql).fetchall()
            except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
                pipe.close()
                raise pipe.failure or DeliveryError(f"{landed.key}: {duckdb_said(error)}") from error
        if pipe.failure is not None:
            raise pipe.failure
        return headers, rows
    finally:
        scratch.unlink(missing_ok=True)


def _source(name: str, number: int, is_focus_file: bool) -> SourceColumn:
    text = f"c{number}"
    maps = FOCUS_MAPS if is_focus_file else _MAPS
    return (
        SourceColumn(name, f"m{number}", Kind.TEXT_MAP, text=text)
        if name in maps
        else SourceColumn(name, text, "VARCHAR")
    )


def _rows(sources: Sequence[SourceColumn], path: str, nulls: Sequence[str]) -> str:
    columns = ", ".join(f"{source.text or source.sql}: 'VARCHAR'" for source in sources)
    maps = "".join(
        f", {json_map_sql(source.name, source.text)} as {source.sql}" for source in sources if source.text is not None
    )
    nullstr = ", ".join(literal(null) for null in nulls)
    options = f"delim = ',', quote = '\"', escape = '\"', nullstr = [{nullstr}], buffer_size = {_CSV_BUFFER}"
    return (
        f"(select *{maps} from read_csv({literal(path)}, auto_detect = false, header = true, {options}, "
        f"columns = {{{columns}}}))"
    )


def _copy_statement(reading: Reading, rows: str, target: Path) -> str:
    parsed = ", ".join(f"{column.sql} as v{n}" for n, column in enumerate(reading.columns.values()))
    outputs = [f"v{n} as {quoted(name)}" for n, name in enumerate(reading.columns)]
    outputs += [f"{sql} as {quoted(name)}" for name, sql in reading.others.items()]
    outputs.append(f"{_bad_values(reading)} as {BAD_VALUES}")
    rounded = next((f"v{n}" for n, name in enumerate(reading.columns) if name == "line_item_unblended_cost"), "NULL")
    outputs.append(f"cast({excess_decimals(reading, rounded)} as decimal(38,20)) as {EXCESS_DECIMALS}")
    row_group = max(_ROW_GROUP_CELLS // len(outputs) // _VECTOR, 1) * _VECTOR
    return (
        f"copy (select {', '.join(outputs)} from (select *, {parsed} from {rows})) to {literal(str(target))} "
        f"(format parquet, compression zstd, compression_level 1, row_group_size {row_group})"
    )


def _bad_values(reading: Reading) -> str:
    return bad_values_sql(
        [
            (bad_value_condition(column, f"v{n}"), column)
            for n, column in enumerate(reading.columns.values())
            if column.is_given is not None
        ]
    )


def duckdb_said(error: duckdb.Error) -> str:
    """Return what DuckDB says about a CSV file: the place and the fault, without the line and the advice."""
    lines = [line.strip() for line in str(error).partition("Possible ")[0].splitlines() if line.strip()]
    lines[0] = lines[0].removeprefix("Invalid Input Error: ")
    return "; ".join(dict.fromkeys([lines[0][:200], lines[-1][:200]])).rstrip(".") + "."


# --- bytes --------------------------------------------------------------------------------------------------


def _hashed(blocks: Iterator[bytes], digest: "hashlib._Hash | None") -> Iterator[bytes]:
    for block in blocks:
        if digest is not None:
            digest.update(block)
        yield block


def _inflated(blocks: Iterator[bytes], key: str) -> Iterator[bytes]:
    """Yield the text of a gzip file, of one member or several; its checksums are verified by zlib."""
    member: zlib._Decompress | None = None
    members = 0
    try:
        for block in blocks:
            rest = block
            while rest:
                if member is None:
                    # Padding with zeros after the last member is legal.
                    if members and not rest.strip(b"\0"):
                        break
                    member = zlib.decompressobj(wbits=31)
                    members += 1
                text = member.decompress(rest, _BLOCK)
                if text:
                    yield text
                rest = member.unused_data if member.eof else member.unconsumed_tail
                if member.eof:
                    member = None
    except zlib.error as error:
        raise DeliveryError(f"{key}: its gzip data is damaged ({error}).") from None
    if member is not None or not members:
        raise DeliveryError(f"{key}: the file is truncated: its gzip data ends early.")


def _unzipped(landing: Landing, landed: LandedObject, scratch: Path, digest: "hashlib._Hash | None") -> Iterator[bytes]:
    """Yield the text of the one CSV file in a zip archive; its checksum is verified by zipfile."""
    try:
        with scratch.open("wb") as copy:
            for block in _hashed(landing.blocks(landed), digest):
                copy.write(block)
        with zipfile.ZipFile(scratch) as archive:
            members = [
                member
                for member in archive.infolist()
                if not member.is_dir() and not member.filename.startswith("__MACOSX/")
            ]
            if len(members) != 1:
                raise DeliveryError(f"{landed.key}: the zip archive holds {len(members)} files; AWS writes one.")
            with archive.open(members[0]) as text:
                while block := text.read(_BLOCK):
                    yield block
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DeliveryError(f"{landed.key}: the zip archive is truncated or damaged ({error}).") from None


class TextPipe:
    """Feeds text to DuckDB through a pipe from a thread of its own.

    The reading end stays open on our side until the statement is over, so that a statement that fails before
    it opens the pipe leaves nobody waiting: closing it ends the thread.

    Args:
        start: text that was read from the iterator already.
        text: the rest of it.
    """

    def __init__(self, start: bytes, text: Iterator[bytes]) -> None:
        self._start = start
        self._text = text
        self._reading, self._writing = os.pipe()
        self._is_open = True
        self.path = f"/dev/fd/{self._reading}"
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._feed, name="cur-inflate", daemon=True)
        _enlarge(self._writing)

    def __enter__(self) -> "TextPipe":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop feeding; afterwards ``failure`` says what went wrong on this side, if anything did."""
        if self._is_open:
            self._is_open = False
            os.close(self._reading)
            self._thread.join()

    def _feed(self) -> None:
        try:
            with os.fdopen(self._writing, "wb", buffering=0) as pipe:
                _write_all(pipe, self._start)
                for block in self._text:
                    _write_all(pipe, block)
        except BrokenPipeError:
            # DuckDB stopped reading; what it says about that is the error to show.
            return
        except Exception as error:
            # Raised again by whoever waits for the statement; here it would only end the thread.
            self.failure = error


def _write_all(pipe: "io.FileIO | BinaryIO", block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[pipe.write(view) :]


def _enlarge(pipe: int) -> None:
    """Give the pipe room for a whole block where the system lets us: its two threads switch less often."""
    import fcntl

    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is None:
        return
    try:
        fcntl.fcntl(pipe, set_size, _PIPE_CAPACITY)
    except PermissionError:
        # The user's quota of pipe memory is used up; the default size is slower, nothing else.
        return

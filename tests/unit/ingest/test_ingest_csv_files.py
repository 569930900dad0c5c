"""CSV files: every byte is verified, every row is kept in its order, and the header is the file's own."""

import gzip
import zipfile
import zlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import DeliveryError
from orchestration.ingest.csv_files import convert_csv
from orchestration.ingest.landing import LocalLanding, sha256_of
from tests.unit.ingest.landed_cur import Row, csv_bytes, legacy_row, packed


class Converter:
    """Converts bytes under a file name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.target = folder / "out.parquet"

    def convert(self, content: bytes, name: str = "cur-00001.csv.gz") -> tuple[str, ...]:
        (self.folder / name).write_bytes(content)
        landing = LocalLanding(self.folder)
        landed = landing.find(name)
        assert landed is not None
        with duckdb.connect() as connection:
            converted = convert_csv(connection, landing, landed, self.target)
        assert converted.checksum == sha256_of(self.folder / name)
        return converted.headers

    def rows(self, columns: str = "*") -> list[tuple[object, ...]]:
        with duckdb.connect() as connection:
            return connection.execute(f"select {columns} from read_parquet('{self.target}')").fetchall()


@pytest.fixture
def converter(tmp_path: Path) -> Converter:
    return Converter(tmp_path)


def many(count: int) -> list[Row]:
    return [
        legacy_row(str(number), lineItem_LineItemDescription=f"row {number} " + "x" * 50) for number in range(count)
    ]


def zipped(content: bytes, *names: str) -> bytes:
    import io

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("cur.csv",):
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("cur.csv", lambda content: content),
        ("cur.csv.gz", gzip.compress),
        ("cur.csv.zip", zipped),
        # AWS joins gzip members in large files; zeros may pad the end.
        ("cur-members.csv.gz", lambda content: gzip.compress(content[:999]) + gzip.compress(content[999:])),
        ("cur-padded.csv.gz", lambda content: gzip.compress(content) + b"\0" * 600),
        ("cur-mark.csv", lambda content: b"\xef\xbb\xbf" + content),
        ("cur-windows.csv", lambda content: content.replace(b"\n", b"\r\n")),
        ("cur-unended.csv", lambda content: content.rstrip(b"\n")),
    ],
)
def test_rows_arrive_whole_and_in_order(converter: Converter, name: str, pack: Callable[[bytes], bytes]) -> None:
    converter.convert(pack(csv_bytes(many(4_000))), name)
    rows = converter.rows("line_item_unblended_cost, line_item_line_item_description")
    assert [int(cost) for cost, _ in rows if isinstance(cost, Decimal)] == list(range(4_000))
    assert rows[-1][1] == "row 3999 " + "x" * 50


def damaged_crc(content: bytes) -> bytes:
    packed_content = bytearray(gzip.compress(content))
    packed_content[-6] ^= 1
    return bytes(packed_content)


def damaged_middle(content: bytes) -> bytes:
    packed_content = bytearray(gzip.compress(content))
    packed_content[len(packed_content) // 2] ^= 0xFF
    return bytes(packed_content)


@pytest.mark.parametrize(
    ("name", "spoil", "said"),
    [
        ("cur.csv.gz", lambda content: gzip.compress(content)[:-9], "truncated"),
        ("cur.csv.gz", lambda content: gzip.compress(content)[:-3], "truncated"),
        ("cur.csv.gz", lambda content: gzip.compress(content)[:5_000], "truncated"),
        ("cur.csv.gz", lambda content: b"", "truncated"),
        # DuckDB's own gzip reader takes this file without a word.
        ("cur.csv.gz", damaged_crc, "damaged"),
        ("cur.csv.gz", damaged_middle, "damaged"),
        ("cur.csv.gz", lambda content: gzip.compress(content) + b"tail", "damaged"),
        ("cur.csv.gz", lambda content: content, "damaged"),
        ("cur.csv.zip", lambda content: zipped(content)[:-30], "damaged"),
        ("cur.csv.zip", lambda content: zipped(content, "a.csv", "b.csv"), "holds 2 files"),
        ("cur.csv.zip", lambda content: zipped(content).replace(zipped(content)[200:210], b"0123456789"), "damaged"),
    ],
)
def test_damage_is_found_to_the_last_byte(
    converter: Converter, name: str, spoil: Callable[[bytes], bytes], said: str
) -> None:
    with pytest.raises(DeliveryError, match=said) as raised:
        converter.convert(spoil(csv_bytes(many(3_000))), name)
    assert name in str(raised.value)
    assert not converter.target.exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"1,2,3\n", "Line: 3; Expected Number of Columns: 13 Found: 3"),
        (b'"never ended,\n', "unterminated quote"),
        (b"\xff\xfe" + b"," * 12 + b"\n", "unicode"),
    ],
)
def test_a_line_that_is_no_row_is_named(converter: Converter, line: bytes, said: str) -> None:
    with pytest.raises(DeliveryError, match=said):
        converter.convert(csv_bytes([legacy_row()]) + line, "cur.csv")


@pytest.mark.parametrize("content", [b"just one column\n1\n", b"a,,c\n1,2,3\n", b"\xff\xfe,\xff\n"])
def test_a_first_line_that_is_no_header_is_refused(converter: Converter, content: bytes) -> None:
    with pytest.raises(DeliveryError, match="first line"):
        converter.convert(content, "cur.csv")


def test_a_file_with_only_a_header_has_no_rows(converter: Converter) -> None:
    assert converter.convert(packed([], list(legacy_row()))) == tuple(legacy_row())
    assert converter.rows() == []


def test_a_file_without_any_content_is_legal(converter: Converter) -> None:
    assert converter.convert(gzip.compress(b"")) == ()
    assert not converter.target.exists()


def test_headers_that_differ_only_by_case_stay_apart(converter: Converter) -> None:
    converter.convert(packed([legacy_row() | {"resourceTags/user:team": "a", "resourceTags/user:Team": "b"}]))
    # One column after AWS's renaming, as in its own Parquet: the first that is filled.
    assert converter.rows("resource_tags_user_team") == [("a",)]


def test_types_are_ours(converter: Converter) -> None:
    converter.convert(packed([legacy_row(lineItem_Operation="", lineItem_UsageAmount="")]))
    with duckdb.connect() as connection:
        types = dict(
            connection.execute(f"select column_name, column_type from (describe from '{converter.target}')").fetchall()
        )
    assert types["line_item_unblended_cost"] == "DECIMAL(22,10)"
    assert types["line_item_usage_start_date"] == "TIMESTAMP"
    assert not [name for name, sql_type in types.items() if sql_type in ("DOUBLE", "FLOAT")]
    # What is missing costs least as NULL; the view makes empty text of it.
    assert converter.rows("line_item_operation, line_item_usage_amount") == [(None, None)]


def test_ten_thousand_tenths_are_a_thousand(converter: Converter) -> None:
    # As doubles they sum to 1000.0000000001588.
    converter.convert(packed([legacy_row("0.1")] * 10_000))
    assert converter.rows("sum(line_item_unblended_cost)") == [(Decimal(1000),)]


def test_bad_values_keep_their_text(converter: Converter) -> None:
    converter.convert(
        packed(
            [
                legacy_row(pricing_publicOnDemandCost="convertible", lineItem_UsageAmount="1_000"),
                legacy_row(pricing_publicOnDemandCost="None", lineItem_UsageAmount="2"),
            ]
        )
    )
    assert converter.rows("bad_values, line_item_usage_amount") == [
        ({"line_item_usage_amount": "1_000", "pricing_public_on_demand_cost": "convertible"}, None),
        (None, Decimal(2)),
    ]


def test_a_file_that_ends_while_it_is_read_leaves_no_thread(converter: Converter) -> None:
    import threading

    before = threading.active_count()
    with pytest.raises(DeliveryError):
        converter.convert(b"a,b\n" + b"1\n" * 400_000, "cur.csv")
    assert threading.active_count() == before


def test_zlib_is_asked_for_the_checksum() -> None:
    # The premise of the whole approach: wbits=31 makes zlib verify gzip's CRC and length.
    with pytest.raises(zlib.error, match="incorrect data check"):
        zlib.decompressobj(wbits=31).decompress(damaged_crc(b"x"))

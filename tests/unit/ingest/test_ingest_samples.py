"""Real deliveries that nobody here made, and what they are known to sum to."""

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import DeliveryError
from orchestration.ingest.landing import open_landing
from orchestration.ingest.plain_files import land_plain_file
from tests.unit.ingest.conftest import Warehouse

Copy = Callable[[str], None]


@pytest.fixture
def copy(samples: Path, warehouse: Warehouse) -> Copy:
    """Copies a sample somewhere below the landing, writable."""

    def copy_sample(name: str) -> None:
        shutil.copytree(
            samples / name, warehouse.landing / "some" / "bucket" / Path(name).name, copy_function=shutil.copyfile
        )

    return copy_sample


def test_aws_workshop(warehouse: Warehouse, copy: Copy, samples: Path) -> None:
    copy("aws-workshop-2018")
    warehouse.payers = {"836060457634": ""}
    assert warehouse.sync().rejected == ()
    assert warehouse.query(
        "select billing_period::varchar, form, row_count, unblended_cost, column_count, excess_decimal_row_count, "
        "bad_value_row_count, open_row_count from raw.deliveries order by 1"
    ) == [
        ("2018-10-01", "legacy_cur_parquet", 119_307, Decimal("4064.4831315379"), 124, 0, 0, 0),
        ("2018-11-01", "legacy_cur_parquet", 124_340, Decimal("3505.3269681268"), 126, 0, 0, 0),
    ]
    assert warehouse.query(
        "select billing_period::varchar, count(*), sum(line_item_unblended_cost) from raw.cur_line_items "
        "group by 1 order by 1"
    ) == [
        ("2018-10-01", 119_307, Decimal("4064.4831315379")),
        ("2018-11-01", 124_340, Decimal("3505.3269681268")),
    ]
    # A leading zero lost would bill this account to nobody.
    assert warehouse.query("select distinct line_item_usage_account_id from raw.cur_line_items order by 1") == [
        ("011254002932",),
        ("836060457634",),
    ]
    shown = {name for (name,) in warehouse.query("select column_name from (describe raw.cur_line_items)")}
    for month in (10, 11):
        file = next(samples.glob(f"aws-workshop-2018/**/month={month}/*.parquet"))
        with duckdb.connect() as connection:
            columns = connection.execute(f"describe select * from read_parquet('{file}')").fetchall()
        assert {column[0] for column in columns} - {"year", "month"} <= shown


def test_nise(warehouse: Warehouse, copy: Copy) -> None:
    copy("nise-2024")
    warehouse.payers = {"999999999999": ""}
    warehouse.sync()
    seen = (
        "select delivery_id, status, row_count, unblended_cost, column_count from raw.deliveries "
        "where row_count is not null order by delivery_id"
    )
    first, second, third = (
        "80ed9ef7-92d6-4cfb-b560-d529c59c2fd8",
        "aea8c439-2658-450b-91be-2a8cb06fee65",
        "b71f041a-ce30-45c7-8522-d1bdf2272d8b",
    )
    assert warehouse.query(seen) == [(third, "current", 9_876, Decimal("1107.6407917909"), 196)]
    bad = warehouse.query(
        "select distinct line_item_line_item_type, map_keys(bad_values), pricing_public_on_demand_cost "
        "from raw.cur_line_items where bad_values is not null"
    )
    assert bad == [("DiscountedUsage", ["pricing_public_on_demand_cost"], None)]

    for path in warehouse.landing.rglob(third):
        shutil.rmtree(path)
    next(warehouse.landing.rglob("20240101-20240201/cur-hourly-Manifest.json")).unlink()
    warehouse.sync()
    assert warehouse.query(seen) == [
        (first, "superseded", 4_884, Decimal("748.4065736917"), 196),
        (second, "current", 9_876, Decimal("1107.6407917909"), 196),
        (third, "superseded", 9_876, Decimal("1107.6407917909"), 196),
    ]


def test_keboola(warehouse: Warehouse, copy: Copy) -> None:
    # The legacy period folder is off by a day, and both are named after mock buckets.
    copy("keboola")
    warehouse.payers = {"123456789012": ""}
    assert warehouse.sync().rejected == ()
    assert warehouse.query("select billing_period::varchar, form, row_count from raw.deliveries order by 1") == [
        ("2024-01-01", "legacy_cur_csv", 3),
        ("2024-09-01", "cur2_csv", 4),
    ]


@pytest.mark.parametrize(
    ("name", "payer", "form", "row_count"),
    [
        ("keboola/cur_1_0/s3_structure/mock-cur-bucket/20240101-20240131/MockTestReport-00001.csv.zip",
         "123456789012", "legacy_cur_csv", 3),
        ("focus-converters-2023/sample-anonymous-aws-export-dataset.csv", "123412340534", "legacy_cur_csv", 1_281),
    ],
)  # fmt: skip
def test_plain_files(warehouse: Warehouse, samples: Path, name: str, payer: str, form: str, row_count: int) -> None:
    land_plain_file([samples / name], None, None, open_landing(warehouse.landing))
    warehouse.payers = {payer: ""}
    assert warehouse.sync().rejected == ()
    assert warehouse.query("select form, row_count, payer_account_id from raw.deliveries") == [(form, row_count, payer)]


def test_focus_of_several_providers(warehouse: Warehouse, samples: Path, tmp_path: Path) -> None:
    sample = samples / "focus-1.0" / "focus_sample.csv"
    with pytest.raises(DeliveryError, match="several"):
        land_plain_file([sample], None, None, open_landing(warehouse.landing))

    alone = tmp_path / "focus.csv"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from read_csv('{sample}', all_varchar = true) where ProviderName = 'AWS') to '{alone}' (header)"
        )
    land_plain_file([alone], None, None, open_landing(warehouse.landing))
    warehouse.payers = {"1234567890123": ""}
    warehouse.sync()
    assert warehouse.query("select form, row_count, unblended_cost from raw.deliveries") == [
        ("focus_csv", 942, Decimal("18.0066386184"))
    ]
    assert warehouse.query(
        "select line_item_line_item_type, count(*), sum(line_item_unblended_cost) from raw.cur_line_items "
        "where line_item_line_item_type <> 'Usage' group by 1 order by 1"
    ) == [("Credit", 1, Decimal("-2.6137")), ("SavingsPlanCoveredUsage", 4, Decimal(0))]

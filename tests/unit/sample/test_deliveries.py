"""Deliveries as files: layout, manifests, columns and bytes."""

import csv
import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from delivered_sample import current_manifests, delivered_files, load_lines

from orchestration.sample.columns import snake_name
from orchestration.sample.deliveries import Form, write_delivery
from orchestration.sample.emea import EMEA
from orchestration.sample.expectations import Expectations
from orchestration.sample.generate import generate
from orchestration.settings import PROJECT_ROOT

# A corner of the second payer that still has reservations, plans, discounts of every kind and split-cost
# rows.
_SMALL = replace(EMEA, fleets=EMEA.fleets[:3])

_CSV = "brightwater-americas/cur/americas-hourly"


def _header(path: Path) -> list[str]:
    if path.name.endswith(".csv.gz"):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return next(csv.reader(file))
    names: list[str] = pq.read_schema(path).names
    return names


def test_files_lie_where_aws_lays_them(landing: Path) -> None:
    manifests = [str(path.relative_to(landing)) for path in current_manifests(landing)]
    assert manifests == [
        f"{_CSV}/20260801-20260901/americas-hourly-Manifest.json",
        f"{_CSV}/20260901-20261001/americas-hourly-Manifest.json",
        f"{_CSV}/20261001-20261101/americas-hourly-Manifest.json",
        "brightwater-emea/emea-billing/emea-billing/year=2026/month=8/emea-billing-Manifest.json",
        "brightwater-emea/emea-billing/metadata/BILLING_PERIOD=2026-09/emea-billing-Manifest.json",
        "brightwater-emea/emea-billing/metadata/BILLING_PERIOD=2026-10/emea-billing-Manifest.json",
    ]
    names = [path.name for path in delivered_files(landing, current_manifests(landing)[0])]
    assert names == [f"americas-hourly-0000{part}.csv.gz" for part in (1, 2, 3)]


def test_every_part_has_the_columns_of_its_manifest(landing: Path) -> None:
    for manifest in current_manifests(landing):
        content = json.loads(manifest.read_text())
        expected = [
            snake_name(f"{column['category']}/{column['name']}") if "category" in column else column["name"]
            for column in content["columns"]
        ]
        for path in delivered_files(landing, manifest):
            assert [snake_name(name) if "/" in name else name for name in _header(path)] == expected


def test_the_pointer_names_the_final_delivery_and_the_older_one_stays(
    landing: Path, expectations: Expectations
) -> None:
    # Loading both would bill the first half of September twice.
    period = landing / _CSV / "20260901-20261001"
    pointer = json.loads((period / "americas-hourly-Manifest.json").read_text())
    own = {path.parent.name: json.loads(path.read_text()) for path in period.glob("*/*-Manifest.json")}
    assert len(own) == 2
    assert own[pointer["assemblyId"]] == pointer
    (older,) = own.keys() - {pointer["assemblyId"]}
    rows = sum(len(gzip.decompress((landing / key).read_bytes()).splitlines()) - 1 for key in own[older]["reportKeys"])
    (expected,) = (item for item in expectations.deliveries if not item.is_current)
    assert (expected.billing_period, expected.row_count) == ("2026-09", rows)
    assert (period / older).stat().st_mtime  # the folder is there
    times = {name: (landing / own[name]["reportKeys"][0]).stat().st_mtime for name in own}
    assert times[older] < times[pointer["assemblyId"]]


def test_manifests_are_newer_than_their_files(landing: Path) -> None:
    # A part newer than its manifest is what a half-overwritten delivery looks like; the loader refuses those.
    for manifest in current_manifests(landing):
        assert all(path.stat().st_mtime < manifest.stat().st_mtime for path in delivered_files(landing, manifest))


def test_files_carry_the_delivery_time_in_utc(landing: Path) -> None:
    # Which delivery is newest must not depend on the machine that wrote the sample, nor on when.
    manifest = landing / _CSV / "20260901-20261001/americas-hourly-Manifest.json"
    assert datetime.fromtimestamp(manifest.stat().st_mtime, UTC) == datetime(2026, 10, 7, 5, 42, tzinfo=UTC)


def test_columns_come_and_go(landing: Path) -> None:
    headers = [
        set(_header(delivered_files(landing, landing / _CSV / month / "americas-hourly-Manifest.json")[0]))
        for month in ("20260801-20260901", "20260901-20261001", "20261001-20261101")
    ]
    watched = {
        "product/regionCode",
        "product/normalizationSizeFactor",
        "product/deploymentOption",
        "resourceTags/user:environment",
        "resourceTags/user:CostCenter",
        "costCategory/Business Unit",
    }
    assert [watched & header for header in headers] == [
        {"product/deploymentOption", "resourceTags/user:CostCenter"},
        watched - {"product/normalizationSizeFactor"},
        watched - {"product/deploymentOption", "resourceTags/user:CostCenter"},
    ]
    # Without the region code, rules for a region have only product/region to go by (R6).
    assert all("product/region" in header for header in headers)


def test_legacy_parquet_has_no_nulls_and_cur2_has(landing: Path) -> None:
    # R1, C2: a missing number is 0.0 in one form and NULL in the other; reading them alike loses or makes
    # prices.
    legacy, cur2 = (pq.read_table(delivered_files(landing, path)[0]) for path in current_manifests(landing)[3:5])
    assert sum(legacy.column(name).null_count for name in legacy.column_names) == 0
    assert cur2.column("pricing_public_on_demand_cost").null_count > 0
    assert str(legacy.schema.field("line_item_usage_start_date").type) == "timestamp[ms]"
    assert str(cur2.schema.field("discount").type) == "map<string, double ('discount')>"
    assert str(cur2.schema.field("product").type) == "map<string, string ('product')>"


@pytest.fixture(scope="module")
def in_every_form(tmp_path_factory: pytest.TempPathFactory) -> dict[Form, tuple[Path, Expectations]]:
    written = {}
    for form in Form:
        folder = tmp_path_factory.mktemp(form.value)
        written[form] = (folder, generate(folder, months=["2026-10"], form=form, payers=[_SMALL]))
    return written


def test_the_same_seed_writes_the_same_bytes_in_another_process(
    in_every_form: dict[Form, tuple[Path, Expectations]], tmp_path: Path
) -> None:
    # Another process has another hash seed: no set's order may show in a file, and no clock or zone.
    code = """
import pathlib, sys
from dataclasses import replace
from orchestration.sample.deliveries import Form
from orchestration.sample.emea import EMEA
from orchestration.sample.generate import generate
small = replace(EMEA, fleets=EMEA.fleets[:3])
for form in Form:
    generate(pathlib.Path(sys.argv[1]) / form, months=["2026-10"], form=form, payers=[small])
"""
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"},
    )
    for form, (landing, _) in in_every_form.items():
        again = sorted(path.relative_to(tmp_path / form) for path in (tmp_path / form).rglob("*.*"))
        files = [path for path in again if (landing / path).is_file()]
        assert len(files) == {Form.LEGACY_CSV: 3 + 2, Form.LEGACY_PARQUET: 2 + 1, Form.CUR2_PARQUET: 2 + 1}[form]
        for path in files:
            assert (tmp_path / form / path).read_bytes() == (landing / path).read_bytes(), path
            assert (tmp_path / form / path).stat().st_mtime == (landing / path).stat().st_mtime, path


def test_another_seed_is_another_delivery(tmp_path: Path) -> None:
    # Even with the same rows (here none, only headers): a delivery whose id repeats is never loaded again.
    ids = set()
    for seed in (1, 2):
        write_delivery(
            tmp_path / str(seed),
            EMEA,
            datetime(2026, 9, 1),
            Form.LEGACY_CSV,
            [],
            seed=seed,
            delivered_at=datetime(2026, 9, 2),
        )
        (manifest,) = current_manifests(tmp_path / str(seed))
        ids.add(json.loads(manifest.read_text())["assemblyId"])
    assert len(ids) == 2


def test_every_form_holds_the_same_facts(in_every_form: dict[Form, tuple[Path, Expectations]]) -> None:
    # The same month in three forms must give three equal bills.
    def summary(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
        return connection.execute(
            """
            select
                account, kind, product, usage_type, operation, entity, cast(start_at as date), lease, plan,
                count(*), sum(cost), sum(coalesce(amount, 0)), sum(coalesce(public_cost, 0)),
                sum(coalesce(lease_effective, 0)), sum(coalesce(plan_used, 0)), sum(coalesce(split_cost, 0))
            from lines group by all order by all
            """
        ).fetchall()

    summaries = [summary(load_lines(folder)) for folder, _ in in_every_form.values()]
    assert len(summaries[0]) > 1000
    assert summaries[0] == summaries[1] == summaries[2]


def test_every_form_has_the_same_expectations(in_every_form: dict[Form, tuple[Path, Expectations]]) -> None:
    results = [replace(result, deliveries=()) for _, result in in_every_form.values()]
    assert results[0] == results[1] == results[2]
    modes = {(item.form, item.discount_mode) for _, result in in_every_form.values() for item in result.deliveries}
    assert modes == {(form.value, "rows") for form in Form}


def test_discount_mode_does_not_change_a_bill(
    in_every_form: dict[Form, tuple[Path, Expectations]], tmp_path: Path
) -> None:
    # C2: rows or columns, the charges are the same; only the files differ.
    rows = in_every_form[Form.CUR2_PARQUET][1]
    columns = generate(tmp_path, months=["2026-10"], payers=[_SMALL])
    assert columns.deliveries[0].discount_mode == "columns"
    assert columns.deliveries[0].row_count < rows.deliveries[0].row_count
    assert columns.deliveries[0].aws_cost == rows.deliveries[0].aws_cost
    assert replace(columns, deliveries=()) == replace(rows, deliveries=())


def test_months_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'2026-13' is not a billing period"):
        generate(tmp_path, months=["2026-10", "2026-13"])
    assert not any(tmp_path.iterdir())


def test_expectations_are_text_in_json(workspace: tuple[Path, Expectations]) -> None:
    # A number in JSON is a float to whoever reads it: 0.1 + 0.2 is no way to prove a bill.
    content = json.loads((workspace[0] / "sample_expectations.json").read_text())
    assert set(content) == {
        "deliveries",
        "groups",
        "charge_types",
        "accounts",
        "group_charges",
        "commitments",
        "policies",
        "lines",
        "line_accounts",
        "credit_draws",
        "credit_balances",
        "line_taxes",
        "taxes",
        "invoices",
    }
    line = content["lines"][0]
    assert line["exact_amount_usd"] == f"{workspace[1].lines[0].exact_amount_usd:f}"
    assert "E" not in line["exact_amount_usd"]
    assert datetime.strptime(line["billing_period"], "%Y-%m").year == 2026

"""Measures what each stage of a run costs, beside the least that the same data could cost, in one run.

What is here: the sample months at a chosen scale, taken through ingest, models and publishing; CPU seconds and ratios.
When to add here: another stage, or another anchor to compare with.
What does not belong here: tests; nothing here passes or fails, and no time is asserted anywhere.

Run it with ``.venv/bin/python benchmarks/stages.py --scale 10`` from the checkout.
"""

import resource
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb
from rich.console import Console
from rich.table import Table

from orchestration.configuration.load import load_configuration
from orchestration.configuration.validate import read_configuration
from orchestration.dbt_files import prepare_manifest
from orchestration.dbt_process import DBT_COMMAND
from orchestration.ingest.deliveries import sync
from orchestration.ingest.landing import open_landing
from orchestration.planning import billing_exports, plan_periods, write_build_periods
from orchestration.publish import publish
from orchestration.sample.install import install_sample
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment
from orchestration.warehouse import open_warehouse

_READ = """
select billing_period, bill_payer_account_id, line_item_usage_account_id, line_item_line_item_type,
    line_item_product_code, line_item_usage_type, line_item_operation, product_region_code,
    sum(line_item_unblended_cost), sum(pricing_public_on_demand_cost), sum(line_item_usage_amount)
from raw.cur_line_items
group by all
"""


@dataclass(frozen=True)
class Measured:
    """CPU seconds (user and system, child processes included) of one stage."""

    stage: str
    cpu_seconds: float


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _measure(stage: str, work: Callable[[], object]) -> Measured:
    before = _cpu_seconds()
    work()
    return Measured(stage, _cpu_seconds() - before)


def _dbt(workspace: Workspace, *arguments: str) -> None:
    subprocess.run(
        [
            *DBT_COMMAND,
            "--quiet",
            *arguments,
            "--profiles-dir",
            ".",
            "--target-path",
            str(workspace.warehouse / "dbt"),
        ],
        cwd=PROJECT_ROOT,
        env=child_environment(workspace),
        check=True,
    )


def _stages(workspace: Workspace) -> tuple[int, list[Measured]]:
    configuration = read_configuration(workspace.billing)
    landing = open_landing(workspace.landing_url)
    compressed = [str(path) for path in workspace.landing.rglob("*.gz")]
    prepare_manifest()
    found = [
        _measure(
            "gzip -dc of the CSV deliveries",
            lambda: subprocess.run(["gzip", "-dc", *compressed], stdout=subprocess.DEVNULL, check=True),
        )
    ]
    with open_warehouse(workspace) as connection:
        load_configuration(connection, configuration)
        found.append(
            _measure(
                "ingest: validate, convert CSV, link Parquet",
                lambda: sync(connection, workspace, landing, billing_exports(configuration)),
            )
        )
        found.append(
            _measure("one hand-written aggregation of the raw view", lambda: connection.execute(_READ).fetchall())
        )
        rows = connection.execute("select count(*) from raw.cur_line_items").fetchone()
        write_build_periods(connection, plan_periods(connection, configuration))
    found.append(_measure("dbt: start, nothing built", lambda: _dbt(workspace, "list")))
    found.append(
        _measure(
            "dbt: all models and tests",
            lambda: _dbt(workspace, "build", "--exclude-resource-type", "unit_test"),
        )
    )
    found.append(_measure("publish", lambda: publish(workspace)))
    return (rows[0] if rows else 0), found


@click.command()
@click.option("--scale", default=1, show_default=True, help="Times the sample's hourly rows.")
def main(scale: int) -> None:
    """Print the CPU seconds of each stage and their ratio to one hand-written aggregation."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.at(Path(folder))
        install_sample(workspace.root, scale=scale)
        rows, found = _stages(workspace)
    anchor = next(one.cpu_seconds for one in found if one.stage.startswith("one hand-written"))
    table = Table(title=f"{rows:,} rows, DuckDB {duckdb.__version__}", title_justify="left")
    for heading in ("stage", "CPU s", "x aggregation"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for one in found:
        table.add_row(one.stage, f"{one.cpu_seconds:.2f}", f"{one.cpu_seconds / anchor:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()

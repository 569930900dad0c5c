"""The yardstick's job by a PostgreSQL server of its own: a COPY of the columns that it reads, then SQL.

What is here: the server, loading, and the steps of ``job.sql``; run with
``python postgresql_job.py LANDING BILLING OUTPUT``.
When to add here: a setting with which PostgreSQL does the job in less.
What does not belong here: anything but PostgreSQL and what reads Parquet for it.

The server is a child of this process and ends with it, so that what it took is accounted for.
"""

import csv
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow.csv
import pyarrow.dataset

_TIMESTAMPS = ("bill_billing_period_start_date", "line_item_usage_start_date")
_TEXTS = (
    *("bill_payer_account_id", "line_item_usage_account_id", "line_item_line_item_type", "bill_billing_entity"),
    *("line_item_product_code", "line_item_usage_type", "line_item_operation", "product_region_code", "pricing_unit"),
    *("reservation_reservation_a_r_n", "savings_plan_savings_plan_a_r_n"),
)
_AMOUNTS = (
    *("line_item_usage_amount", "line_item_unblended_cost", "pricing_public_on_demand_cost"),
    *("reservation_effective_cost", "savings_plan_savings_plan_effective_cost", "reservation_unused_recurring_fee"),
    *("savings_plan_total_commitment_to_date", "savings_plan_used_commitment"),
)
# Nobody pulls the plug: nothing is forced to disk, and no log is kept of what could be made again.
_SETTINGS = {
    **dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes", "autovacuum", "jit"), "off"),
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "listen_addresses": "",
    "shared_buffers": "1GB",
    "work_mem": "512MB",
    "hash_mem_multiplier": "2",
    "max_parallel_workers_per_gather": "2",
}


def _binaries() -> Path:
    # Debian keeps the server out of the path, by version.
    found = [*Path("/usr/lib/postgresql").glob("*/bin/postgres"), *map(Path, filter(None, [shutil.which("postgres")]))]
    if not found:
        raise SystemExit("no PostgreSQL server on this machine")
    return max(found, key=lambda path: [int(part) for part in path.parts if part.isdigit()]).parent


@contextmanager
def _server() -> Iterator[str]:
    """Run a server in a temporary folder; give the address of its database."""
    # The server refuses to run as root, and its user may not look into root's folders.
    folder = Path(tempfile.mkdtemp(prefix="benchmark-pg-"))
    user = group = None
    if os.geteuid() == 0:
        user = group = "postgres"
        shutil.chown(folder, user, group)
    data = folder / "data"
    initdb = ["initdb", "-D", str(data), "-A", "trust", "-U", "benchmark", "-E", "UTF8", "--locale=C", "--no-sync"]
    binaries = _binaries()
    server = None
    try:
        subprocess.run(
            [str(binaries / initdb[0]), *initdb[1:]],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            user=user,
            group=group,
        )
        settings = [argument for name, value in _SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        with (folder / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), *settings],
                cwd=folder,
                stdout=log,
                stderr=log,
                user=user,
                group=group,
            )
        address = f"postgresql://benchmark@/postgres?host={folder}"
        _await(address)
        yield address
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=60)
        shutil.rmtree(folder)


def _await(address: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def _load_rows(connection: psycopg.Connection, landing: Path) -> None:
    columns = [
        *(f"{name} timestamp" for name in _TIMESTAMPS),
        *(f"{name} text" for name in _TEXTS),
        *(f"{name} numeric(22, 10)" for name in _AMOUNTS),
    ]
    files = sorted(map(str, landing.rglob("*.parquet")))
    batches = pyarrow.dataset.dataset(files, format="parquet").to_batches(columns=[*_TIMESTAMPS, *_TEXTS, *_AMOUNTS])
    without_header = pyarrow.csv.WriteOptions(include_header=False)
    # In the transaction that makes the table, nothing is logged of its rows.
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"create unlogged table cur ({', '.join(columns)})")
        with cursor.copy("copy cur from stdin (format csv)") as copy:
            for batch in batches:
                written = io.BytesIO()
                pyarrow.csv.write_csv(batch, written, without_header)
                copy.write(written.getbuffer())
    connection.execute("analyze cur")


def _load_configuration(connection: psycopg.Connection, billing: Path) -> None:
    for file in sorted(billing.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as stream:
            header = next(csv.reader(stream))
        connection.execute(f"create unlogged table {file.stem} ({', '.join(f'{name} text' for name in header)})")
        with connection.cursor().copy(f"copy {file.stem} from stdin (format csv, header)") as copy:
            copy.write(file.read_bytes())
        connection.execute(f"analyze {file.stem}")


def main(landing: Path, billing: Path, output: Path) -> None:
    """Write invoice lines and their accounts to the folder ``output``, as CSV; charges stay in the database."""
    steps = re.split(r"^-- step: (\w+)$", Path(__file__).with_name("job.sql").read_text(encoding="utf-8"), flags=re.M)
    with _server() as address, psycopg.connect(address, autocommit=True) as connection:
        _load_configuration(connection, billing)
        _load_rows(connection, landing)
        for name, query in zip(steps[1::2], steps[2::2], strict=True):
            connection.execute(f"create unlogged table {name} as {query}")
            connection.execute(f"analyze {name}")
        for table in ("invoice_lines", "invoice_line_accounts"):
            with (
                (output / f"{table}.csv").open("wb") as stream,
                connection.cursor().copy(f"copy {table} to stdout (format csv, header)") as copy,
            ):
                stream.writelines(copy)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

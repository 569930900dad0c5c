"""Other programs, each doing the yardstick's job in an environment of its own.

What is here: which programs are compared, making their environments, and running them.
When to add here: another program; its job stands in a module of its own beside this one.
What does not belong here: anything of Chargehouse; a peer's module imports nothing but its program.

``job.sql`` is the yardstick's job once more, in SQL that PostgreSQL and Spark both read.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.columns import Form
from benchmarks.measuring import Cost, MeasuredCommandError, measure, median
from benchmarks.product import BenchmarkWorkspace

__all__ = ["PEERS", "Peer", "PeerResult", "differing_rows", "run_peer"]

_FOLDER = Path(__file__).parent
_ENVIRONMENTS = _FOLDER.parent / ".environments"
# A program that stands still is given up.
_SECONDS = 1200


@dataclass(frozen=True)
class Peer:
    """A program to compare with.

    Attributes:
        name: as people know it, with what matters of how it works here.
        module: the file beside this one that does its job: ``MODULE LANDING BILLING OUTPUT``.
        packages: what its environment holds.
        largest: rows beyond which it is not tried.
        bills: whether it makes invoice lines; else it only writes FOCUS.
    """

    name: str
    module: str
    packages: tuple[str, ...]
    largest: int
    bills: bool = True


PEERS: tuple[Peer, ...] = (
    Peer("Polars", "polars_job", ("polars>=1.30,<3",), 50_000_000),
    Peer("pandas", "pandas_job", ("pandas>=3,<4", "pyarrow"), 10_000_000),
    Peer("PostgreSQL", "postgresql_job", ("psycopg[binary]>=3.2,<4", "pyarrow"), 10_000_000),
    # The version that the product's own Spark engine is pinned to.
    Peer("Spark", "spark_job", ("pyspark==4.3.0",), 10_000_000),
    # Newer releases of what it needs keep it from starting.
    Peer("focus-converter", "focus_job", ("focus-converter==1.0.0", "multimethod<2", "click<8.2"), 10_000_000, False),
)


@dataclass(frozen=True)
class PeerResult:
    """What a peer took, and how right it was.

    Attributes:
        cost: of the whole process.
        differing_lines: invoice lines that the yardstick and the peer do not have alike, to the cent; None where it
            does not bill.
        differing_accounts: the same of the accounts of lines.
    """

    cost: Cost
    differing_lines: int | None
    differing_accounts: int | None


def run_peer(peer: Peer, place: BenchmarkWorkspace, yardstick: Path, rounds: int = 1) -> PeerResult | str:
    """Return what the peer took for the deliveries of ``place``, or why it could not be measured.

    Args:
        peer: the program.
        place: the benchmark's workspace, of a Parquet form.
        yardstick: the yardstick's database of the same files.
        rounds: runs, of which the medians are returned.
    """
    if place.form is Form.LEGACY_CSV:
        return "reads Parquet only"
    if place.row_count > peer.largest:
        return f"not tried beyond {peer.largest:,} rows"
    python = _environment(peer)
    if isinstance(python, str):
        return python
    output = place.workspace.root / peer.module
    command = [str(python), str(_FOLDER / f"{peer.module}.py")]
    costs = []
    try:
        for _ in range(rounds):
            shutil.rmtree(output, ignore_errors=True)
            output.mkdir()
            billed = [str(place.workspace.landing), str(place.workspace.billing), str(output)]
            costs.append(measure([*command, *billed], seconds=_SECONDS))
        if not peer.bills:
            return PeerResult(median(costs), None, None)
        lines, accounts = (differing_rows(output, yardstick, table) for table in _KEYS)
        return PeerResult(median(costs), lines, accounts)
    except MeasuredCommandError as error:
        return f"failed: {str(error).strip().splitlines()[-1]}"
    finally:
        shutil.rmtree(output, ignore_errors=True)


def _environment(peer: Peer) -> Path | str:
    """Return the Python of the peer's environment, made where it is missing; or why it could not be made."""
    environment = _ENVIRONMENTS / peer.module
    python = environment / "bin" / "python"
    stamp = environment / "packages.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == "\n".join(peer.packages):
        return python
    for command in (
        [sys.executable, "-m", "uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
        [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *peer.packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"could not be installed: {done.stderr.strip().splitlines()[-1]}"
    stamp.write_text("\n".join(peer.packages), encoding="utf-8")
    return python


_LINE = "cast(billing_period as date) as billing_period, billing_group_id, line_kind, service_code"
_KEYS = {"invoice_lines": _LINE, "invoice_line_accounts": f"{_LINE}, sub_account_id"}


def differing_rows(output: Path, yardstick: Path, table: str) -> int:
    """Return how many rows of a table the yardstick and a peer do not have alike, to the cent.

    Args:
        output: the peer's folder, with ``TABLE.csv``, or ``TABLE.parquet`` as a file or a folder of files.
        yardstick: the yardstick's database.
        table: ``invoice_lines`` or ``invoice_line_accounts``.
    """
    file = output / f"{table}.parquet"
    peers = f"read_parquet('{file}/*.parquet')" if file.is_dir() else f"read_parquet('{file}')"
    if (output / f"{table}.csv").exists():
        peers = f"read_csv('{output / table}.csv', all_varchar = true, header = true)"
    columns = _KEYS[table]
    names = ", ".join(column.rpartition(" ")[2] for column in columns.split(", "))
    with duckdb.connect(yardstick, read_only=True) as connection:
        found = connection.execute(
            f"with own as (select {columns}, net_amount from {table}), "
            f"peers as (select {columns}, net_amount from {peers}) "
            f"select count(*) from own full join peers using ({names}) "
            "where cast(own.net_amount as decimal(22, 4)) is distinct from cast(peers.net_amount as decimal(22, 4))"
        ).fetchone()
    assert found is not None
    return int(found[0])

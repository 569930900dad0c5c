"""One workspace built by both engines, and how they are compared."""

from dataclasses import dataclass

import duckdb
import pytest

from orchestration.settings import Workspace
from tests.spark_cluster import SparkCluster

__all__ = ["BothEngines", "differences", "use_spark"]

# What says when something was done, or by which engine's code, and not what it amounts to.
_OF_THE_RUN = {
    "fct_runs": "run_id, started_at, finished_at, code_version",
    "fct_check_results": "checked_at",
    "dim_billing_periods": "built_at, fingerprint",
    "dim_deliveries": "landed_at",
}
# A document names the run that made it, and so do the hashes over it.
_OF_DOCUMENTS = {
    "fct_audit_log": "happened_at, detail",
    "fct_documents": "issued_at, approved_at, content_sha256, chain_hash",
    "fct_proposed_documents": "approved_at, lapsed_approval_at, draft_hash",
}


@dataclass(frozen=True)
class BothEngines:
    """One reseller, built twice.

    Attributes:
        on_duckdb: its workspace on DuckDB.
        on_spark: its workspace on the cluster.
    """

    on_duckdb: Workspace
    on_spark: Workspace


def use_spark(monkeypatch: pytest.MonkeyPatch, cluster: SparkCluster) -> None:
    """Let what runs from here on be built by the cluster."""
    monkeypatch.setenv("CHARGEHOUSE_ENGINE", "spark")
    monkeypatch.setenv("CHARGEHOUSE_SPARK_MASTER", cluster.master)
    monkeypatch.setenv("CHARGEHOUSE_SPARK_PYTHON", str(cluster.python))
    monkeypatch.setenv("SPARK_CONF_DIR", str(cluster.configuration))


def differences(both: BothEngines, has_documents: bool = False) -> dict[str, str]:
    """Compare the published copies table by table: columns, types, descriptions, and rows as often as they occur.

    With ``has_documents``, documents were issued on both, and what names the run that made them is left out.
    """
    found = {}
    of_the_run = _OF_THE_RUN | (_OF_DOCUMENTS if has_documents else {})
    with duckdb.connect() as connection:
        connection.execute(f"attach '{both.on_duckdb.published_file}' as duckdb_engine (read_only)")
        connection.execute(f"attach '{both.on_spark.published_file}' as spark_engine (read_only)")
        described = """
            select schema_name || '.' || table_name, column_name, data_type, comment
            from duckdb_columns() where database_name = ? order by all
        """
        columns_of = {
            engine: {(table, name, kind): comment for table, name, kind, comment in rows}
            for engine in ("duckdb_engine", "spark_engine")
            for rows in [connection.execute(described, [engine]).fetchall()]
        }
        of_duckdb, of_spark = columns_of["duckdb_engine"], columns_of["spark_engine"]
        if of_duckdb.keys() != of_spark.keys():
            found["columns"] = repr(sorted(of_duckdb.keys() ^ of_spark.keys())[:20])
        lost = sorted(column for column, comment in of_duckdb.items() if comment and of_spark.get(column) != comment)
        if lost:
            found["descriptions"] = repr(lost[:20])
        for name in sorted({table for table, *_ in of_duckdb}):
            left_out = of_the_run.get(name.partition(".")[2])
            columns = "*" if left_out is None else f"* exclude ({left_out})"
            one, other = (f"select {columns} from {engine}.{name}" for engine in ("duckdb_engine", "spark_engine"))
            rows = connection.execute(
                f"select (select count(*) from ({one})), (select count(*) from ({one} except all {other})), "
                f"(select count(*) from ({other} except all {one}))"
            ).fetchall()[0]
            if rows[1:] != (0, 0):
                found[name] = f"{rows[1]} of {rows[0]} rows only on DuckDB, {rows[2]} only on Spark"
    return found

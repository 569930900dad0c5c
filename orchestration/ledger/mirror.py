"""The ledger's rows in the warehouse, where the models read them.

What is here: schema ``ledger`` of the warehouse, a copy of the issued documents and approvals as of one moment.
When to add here: another table of the ledger that a model or page reads (list it in ``_ledger__sources.yml`` too).
What does not belong here: joins and sums, which are models; writing to the ledger.
"""

import duckdb
import pyarrow as pa

from orchestration.ledger.ledger import Ledger
from orchestration.ledger.reads import LINE_PARTS, empty_table
from orchestration.ledger.tables import (
    approval_withdrawals,
    approvals,
    audit_log,
    credit_draws,
    document_line_accounts,
    document_lines,
    document_taxes,
    documents,
    overrides,
)
from orchestration.settings import Workspace

__all__ = ["SCHEMA", "load_ledger", "prepare_ledger_tables"]

SCHEMA = "ledger"
"""The warehouse schema that holds the copy, and nothing else."""

_TABLES = (
    *(documents, document_lines, document_line_accounts, document_taxes, credit_draws),
    *(approvals, approval_withdrawals, overrides, audit_log),
)
_INCOMING = "incoming_ledger_rows"


def prepare_ledger_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that the models read, empty, where they are not there yet."""
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = $1 and database_name = current_catalog()", [SCHEMA]
    ).fetchall()
    names = [*(table.name for table in _TABLES), LINE_PARTS]
    if found == [(len(names),)]:
        return
    connection.execute(f"create schema if not exists {SCHEMA}")
    for name in names:
        connection.register(_INCOMING, empty_table(name))
        connection.execute(f"create table if not exists {SCHEMA}.{name} as select * from {_INCOMING}")
        connection.unregister(_INCOMING)


def load_ledger(connection: duckdb.DuckDBPyConnection, workspace: Workspace, *, only_reads: bool = False) -> int:
    """Replace schema ``ledger`` by what the workspace's ledger holds now; return how many documents it holds.

    The tax parts of lines stand in the documents' contents only. They never change (D3), so only those of documents
    that are not here yet are read, unless the copy is of another ledger.

    Args:
        connection: the warehouse.
        workspace: whose ledger.
        only_reads: the ledger is neither made nor migrated.

    Raises:
        LedgerError: the ledger cannot be opened; see ``Ledger.open``.
    """
    with Ledger.open(workspace, only_reads=only_reads) as ledger:
        tables = ledger.arrow_tables()
        chain = tables[documents.name].select(["document_id", "chain_hash"]).to_pydict()
        hashes = dict(zip(chain["document_id"], chain["chain_hash"], strict=True))
        last = _last_copied(connection, hashes)
        parts = ledger.arrow_line_parts(after=last, up_to=len(hashes))
    connection.execute("begin transaction")
    try:
        for table in _TABLES:
            _put(connection, f"create or replace table {SCHEMA}.{table.name} as", tables[table.name])
        if last:
            _put(connection, f"insert into {SCHEMA}.{LINE_PARTS} by name", parts)
        else:
            _put(connection, f"create or replace table {SCHEMA}.{LINE_PARTS} as", parts)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return len(hashes)


def _last_copied(connection: duckdb.DuckDBPyConnection, hashes: dict[int, str]) -> int:
    """Return the newest document that is copied already; 0 when what is copied does not begin this chain.

    A copy that an older version made, without some column, counts as none.
    """
    columns = connection.execute(f"select * from {SCHEMA}.{LINE_PARTS} limit 0").description or []
    if [column[0] for column in columns] != empty_table(LINE_PARTS).column_names:
        return 0
    newest = connection.execute(
        f"select document_id, chain_hash from {SCHEMA}.documents order by document_id desc limit 1"
    ).fetchall()
    return next((document_id for document_id, chain_hash in newest if hashes.get(document_id) == chain_hash), 0)


def _put(connection: duckdb.DuckDBPyConnection, statement: str, rows: pa.Table) -> None:
    connection.register(_INCOMING, rows)
    try:
        connection.execute(f"{statement} select * from {_INCOMING}")
    finally:
        connection.unregister(_INCOMING)

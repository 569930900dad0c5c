"""Verifying the ledger: whether every issued document is still what was issued, and none is missing or added.

What is here: recomputing hashes, chain, sums and numbers, and naming what does not agree.
When to add here: another promise of the ledger that can be checked from its rows alone.
What does not belong here: rebuilding PDFs and comparing the documents with the warehouse.

The end of the chain is kept in the same database. Whoever can rewrite all of it, hashes included, is found out only by
an end that was noted elsewhere: pass it as ``noted``. Every backup's manifest holds one.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, text

from orchestration.errors import LedgerError
from orchestration.ledger.contents import (
    CreditDraw,
    Series,
    Values,
    account_rows,
    document_number,
    document_row,
    line_rows,
    parse_content,
    sum_problems,
    tax_rows,
)
from orchestration.ledger.issuing import chain_hash
from orchestration.ledger.settlement import over_allocated
from orchestration.ledger.tables import (
    APPEND_ONLY,
    COUNTERS,
    GENESIS,
    approvals,
    credit_draws,
    document_line_accounts,
    document_lines,
    document_taxes,
    documents,
    ledger_head,
    number_series,
)

__all__ = ["Finding", "Head", "Verification", "read_head", "verify"]

_BATCH = 200
_PARTS = (document_lines, document_line_accounts, document_taxes, credit_draws)


@dataclass(frozen=True)
class Head:
    """The end of the chain: the newest document. Note it where the ledger's keeper cannot write.

    Attributes:
        document_id: its place in the chain; 0 for an empty ledger.
        chain_hash: its hash over everything up to it.
    """

    document_id: int
    chain_hash: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: changed, removed, inserted, reordered, or unprotected (a trigger is gone).
        subject: the document's number, or where it was; else the table.
        detail: what does not agree, as a sentence.
    """

    kind: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {self.detail}"


@dataclass(frozen=True)
class Verification:
    """What verifying found.

    Attributes:
        document_count: how many documents were looked at.
        head: the end of the chain as the ledger has it.
        findings: everything that is wrong, in the order of the chain; empty when all is well.
    """

    document_count: int
    head: Head
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def lines(self) -> list[str]:
        """Return what was found, for a person."""
        if self.is_sound:
            return [f"{self.document_count} documents verified; the chain ends with {self.head.chain_hash}."]
        return [f"{len(self.findings)} findings in {self.document_count} documents:", *map(str, self.findings)]


def read_head(connection: Connection) -> Head:
    """Return the end of the chain as the ledger has it."""
    row = connection.execute(select(ledger_head.c.document_id, ledger_head.c.chain_hash)).one()
    return Head(*row)


def verify(connection: Connection, noted: Head | None = None) -> Verification:
    """Verify the whole ledger in one transaction.

    Args:
        connection: a ``read`` transaction.
        noted: an end of the chain noted earlier; that document must still be there, with that hash.
    """
    chain = connection.execute(
        select(documents.c.document_id, documents.c.number, documents.c.previous_hash, documents.c.chain_hash).order_by(
            documents.c.document_id
        )
    ).all()
    head = read_head(connection)
    findings = [
        *_order_findings(chain),
        *_document_findings(connection),
        *_end_findings(chain, head, noted),
        *_orphan_findings(connection, {row.document_id for row in chain}),
        *_number_findings(connection),
        *_id_findings(connection),
        *_protection_findings(connection),
        *(Finding("changed", "payment_allocations", problem) for problem in over_allocated(connection)),
    ]
    return Verification(len(chain), head, tuple(dict.fromkeys(findings)))


def _order_findings(chain: Sequence[Any]) -> Iterator[Finding]:
    """Compare each document's link with the one before it."""
    ends = {row.chain_hash: row for row in chain}
    places = _rightful_places(chain)
    before_hash, before_id, before_number = GENESIS, 0, "the beginning"
    for row in chain:
        if row.document_id != before_id + 1:
            yield Finding(
                "removed",
                _span(before_id + 1, row.document_id - 1),
                f"Nothing stands between {before_number} and {row.number}.",
            )
        elif row.previous_hash != before_hash:
            follows = ends.get(row.previous_hash)
            if places.get(row.chain_hash) == row.document_id:
                pass  # It is the one before that is out of place.
            elif follows is not None or row.previous_hash == GENESIS:
                place = follows.number if follows is not None else "the beginning"
                yield Finding("reordered", row.number, f"It was issued after {place} and stands after {before_number}.")
            else:
                yield Finding("changed", row.number, f"It does not follow from {before_number}, after which it stands.")
        before_hash, before_id, before_number = row.chain_hash, row.document_id, row.number


def _rightful_places(chain: Sequence[Any]) -> dict[str, int]:
    """Return by chain hash the place that the links themselves give, as far as they can be followed."""
    following = {row.previous_hash: row.chain_hash for row in chain}
    places: dict[str, int] = {}
    end = GENESIS
    while end in following and following[end] not in places:
        end = following[end]
        places[end] = len(places) + 1
    return places


def _span(first: int, last: int) -> str:
    return f"document {first}" if first == last else f"documents {first} to {last}"


def _end_findings(chain: Sequence[Any], head: Head, noted: Head | None) -> Iterator[Finding]:
    hashes = {row.document_id: row.chain_hash for row in chain}
    last = chain[-1].document_id if chain else 0
    if last < head.document_id:
        yield Finding("removed", _span(last + 1, head.document_id), "The chain ended with it.")
    for row in chain:
        if row.document_id > head.document_id:
            yield Finding("inserted", row.number, f"The chain ends before it, with document {head.document_id}.")
    if last == head.document_id and hashes.get(last, GENESIS) != head.chain_hash:
        yield Finding(
            "changed", chain[-1].number if chain else "the empty chain", "It is not the end that was recorded."
        )
    if (
        noted is not None
        and hashes.get(noted.document_id, GENESIS if not noted.document_id else "") != noted.chain_hash
    ):
        yield Finding(
            "changed",
            f"document {noted.document_id}",
            f"The end noted earlier, {noted.chain_hash}, is not in the chain: documents up to there were rewritten.",
        )


def _document_findings(connection: Connection) -> Iterator[Finding]:
    """Compare each document with its own content, a batch at a time."""
    numbers = {
        row.document_id: row.number for row in connection.execute(select(documents.c.document_id, documents.c.number))
    }
    last = 0
    while True:
        batch = connection.execute(
            select(documents).where(documents.c.document_id > last).order_by(documents.c.document_id).limit(_BATCH)
        ).all()
        if not batch:
            return
        parts = {table: _parts(connection, table, last, batch[-1].document_id) for table in _PARTS}
        for row in batch:
            found = {table: parts[table].get(row.document_id, []) for table in _PARTS}
            for problem in _document_problems(row, found, numbers):
                yield Finding("changed", row.number, problem)
        last = batch[-1].document_id


def _parts(connection: Connection, table: Table, after: int, up_to: int) -> dict[int, list[Values]]:
    rows = connection.execute(
        select(table)
        .where(table.c.document_id > after, table.c.document_id <= up_to)
        .order_by(*table.primary_key.columns)
    ).mappings()
    return {
        document_id: [{name: value for name, value in row.items() if name != "document_id"} for row in grouped]
        for document_id, grouped in groupby(rows, key=lambda row: int(row["document_id"]))
    }


def _document_problems(row: Row[Any], parts: dict[Table, list[Values]], numbers: dict[int, str]) -> Iterator[str]:
    if hashlib.sha256(row.content).hexdigest() != row.content_sha256:
        yield "Its content is not the content that was hashed."
    draws = [CreditDraw(**draw) for draw in parts[credit_draws]]
    if chain_hash(row._asdict(), draws) != row.chain_hash:
        yield "Its hash in the chain is not the hash of what stands here."
    try:
        content = parse_content(row.content)
    except LedgerError as error:
        yield str(error)
        return
    for name, value in document_row(content).items():
        if getattr(row, name) != value:
            yield f"Its column {name} holds {getattr(row, name)}, its content {value}."
    number = document_number(content.issuer.invoice_prefix, row.series, row.year, row.sequence)
    if row.number != number:
        yield f"Its number should be {number}."
    if numbers.get(row.reference_document_id) != (content.reference.number if content.reference else None):
        yield "Its reference is not the one in its content."
    for table, expected in (
        (document_lines, line_rows(content)),
        (document_line_accounts, account_rows(content)),
        (document_taxes, tax_rows(content)),
    ):
        if parts[table] != expected:
            yield f"Its rows in {table.name} are not the ones in its content."
    yield from (f"{problem[0].upper()}{problem[1:]}." for problem in sum_problems(content, draws))


def _orphan_findings(connection: Connection, ids: set[int]) -> Iterator[Finding]:
    for table in _PARTS:
        for document_id in sorted(set(connection.execute(select(table.c.document_id).distinct()).scalars()) - ids):
            yield Finding("removed", f"document {document_id}", f"Its rows in {table.name} are still there.")
    columns = [approvals.c[name] for name in ("billing_period", "billing_group_id", "revision", "kind", "draft_hash")]
    approved = {row[0]: tuple(row)[1:] for row in connection.execute(select(approvals.c.approval_id, *columns))}
    issued = connection.execute(
        select(documents.c.approval_id, documents.c.number, *(documents.c[column.name] for column in columns))
    )
    for row in issued:
        if approved.get(row.approval_id) != tuple(row)[2:]:
            yield Finding("changed", row.number, "Its approval is gone, or approves something else.")


def _number_findings(connection: Connection) -> Iterator[Finding]:
    """Compare the numbers of each series with 1, 2, 3, up to the last one given (D2)."""
    rows = connection.execute(
        select(documents.c.issuer_id, documents.c.series, documents.c.year, documents.c.sequence, documents.c.number)
    )
    given: dict[tuple[str, Series, int], set[int]] = defaultdict(set)
    prefixes: dict[str, str] = {}
    for row in rows:
        given[row.issuer_id, row.series, row.year].add(row.sequence)
        prefixes[row.issuer_id] = row.number.rsplit("-", 2)[0].removesuffix("-CN")
    last = {
        (row.issuer_id, row.series, row.year): row.last_sequence for row in connection.execute(select(number_series))
    }
    for key in sorted(given.keys() | last.keys()):
        issuer_id, series, year = key
        expected = set(range(1, last.get(key, 0) + 1))
        for sequence in sorted(expected ^ given[key]):
            number = document_number(prefixes.get(issuer_id, issuer_id), series, year, sequence)
            if sequence in expected:
                yield Finding("removed", number, f"The {series} series of {issuer_id} went up to {last[key]}.")
            else:
                yield Finding("inserted", number, f"The {series} series of {issuer_id} ends before it.")


def _id_findings(connection: Connection) -> Iterator[Finding]:
    for table in APPEND_ONLY:
        key = list(table.primary_key.columns)
        if len(key) > 1 or key[0].foreign_keys or table is documents:
            continue
        count, last = connection.execute(
            select(func.count(), func.coalesce(func.max(key[0]), 0)).select_from(table)
        ).one()
        if count != last:
            yield Finding("removed", table.name, f"It has {count} rows, and its ids go up to {last}.")


def _protection_findings(connection: Connection) -> Iterator[Finding]:
    endings: tuple[str, ...]
    counting: tuple[str, ...]
    if connection.dialect.name == "sqlite":
        query = "select name from sqlite_master where type = 'trigger'"
        endings, counting = ("no_update", "no_delete", "no_replace"), ("step", "no_delete", "no_replace")
    else:
        query = "select tgname from pg_trigger where tgenabled = 'A' and pg_table_is_visible(tgrelid)"
        endings, counting = ("no_change",), ("step", "no_change")
    found = set(connection.execute(text(query)).scalars())
    for table in (*APPEND_ONLY, *COUNTERS):
        wanted = {f"{table.name}_{ending}" for ending in (counting if table in COUNTERS else endings)}
        for trigger in sorted(wanted - found):
            yield Finding("unprotected", table.name, f"The trigger {trigger} is gone: rows can be changed unseen.")

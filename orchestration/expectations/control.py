"""The tables in schema ``raw`` in which checks keep what they know from one run to the next.

What is here: their definitions; making them loads nothing heavy, so that every opening of the warehouse can.
When to add here: another table of the checks.
What does not belong here: filling them (``profile``, ``deliveries``, ``results``).
"""

import duckdb

__all__ = ["prepare_check_tables"]

_TABLES = """
create schema if not exists raw;
create sequence if not exists raw.profile_numbers;
-- One row per profile of a delivery: the newest of each month, and the one before it.
create table if not exists raw.profiled_deliveries (
    profile_number bigint not null,
    delivery_key varchar not null,
    fingerprint varchar not null,
    payer_account_id varchar not null,
    billing_period date not null,
    row_count bigint not null,
    unblended_cost decimal(38, 10) not null,
    is_final boolean not null,
    form varchar not null,
    columns varchar[] not null
);
create table if not exists raw.delivery_profiles (
    profile_number bigint not null,
    dimension varchar not null,
    value varchar not null,
    row_count bigint not null,
    unblended_cost decimal(38, 10) not null
);
create table if not exists raw.expected_deliveries (
    payer_account_id varchar not null,
    billing_period date not null,
    expected varchar not null,
    due_at timestamp not null
);
create table if not exists raw.check_results (
    check_name varchar not null,
    layer varchar not null,
    subject varchar not null,
    status varchar not null,
    severity varchar not null,
    detail varchar not null,
    checked_at timestamp not null
);
create table if not exists raw.check_failures (
    check_id varchar not null,
    layer varchar not null,
    failure_number integer not null,
    failing_row varchar not null,
    found varchar not null
);
-- Warehouses made before checks had owners.
alter table raw.check_results add column if not exists check_id varchar default '';
alter table raw.check_results add column if not exists owner varchar default '';
alter table raw.check_results add column if not exists meaning varchar default '';
alter table raw.check_results add column if not exists remedy varchar default '';
alter table raw.check_results add column if not exists failure_count bigint default 0;
drop table if exists raw.checked_deliveries;
"""


def prepare_check_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables where they are not there yet."""
    connection.execute(_TABLES)

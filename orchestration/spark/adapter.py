"""dbt's Spark adapter for a workspace: models in DuckDB's SQL, relations in a folder of Parquet.

What is here: what dbt-spark's adapter does otherwise here, and the methods that the macros in
``dbt_project/macros/spark`` call. It runs in Spark's own Python environment.
When to add here: another way in which a model is stored.
What does not belong here: translating SQL (``dialect``).

dbt-spark keeps relations in a Hive metastore. Here a run has one session, whose temporary views are its relations, and
what is kept is Parquet that DuckDB reads as well: no server beside the cluster.
"""

import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from pathlib import Path

from dbt.adapters import spark
from dbt.adapters.base.meta import available
from dbt.adapters.base.relation import BaseRelation
from dbt_common.exceptions import DbtRuntimeError
from pyspark.sql import DataFrame, SparkSession

from orchestration.spark.dialect import (
    PERIODS_VARIABLE,
    Recursion,
    duckdb_type,
    recursion,
    rows_sql,
    spark_type,
    temporary_name,
    to_spark,
)
from orchestration.spark.layout import Columns, Exchange, read_catalogue, write_catalogue
from orchestration.spark.session import check_settings

__all__ = ["SparkAdapter", "SparkCredentials"]


@dataclass
class SparkCredentials(spark.SparkCredentials):  # type: ignore[misc]
    """dbt-spark's, but they leave the session the settings that it was started with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.server_side_parameters: dict[str, str] = {}


class SparkAdapter(spark.SparkAdapter):  # type: ignore[misc]
    """The adapter; dbt takes the name of the package of macros from the name of the class.

    Attributes:
        session: started before dbt.
        exchange: the shared folder.
    """

    session: SparkSession
    exchange: Exchange

    # A session begins without relations: nothing to look for, nothing to make.
    def list_schemas(self, database: str) -> list[str]:
        """Return no schemas: names of views hold theirs."""
        return []

    def list_relations_without_caching(self, schema_relation: BaseRelation) -> list[BaseRelation]:
        """Return no relations."""
        return []

    def create_schema(self, relation: BaseRelation) -> None:
        """Make nothing."""

    @available
    def to_spark(self, sql: str) -> str:
        """Translate a query; a model that Spark cannot build fails here, before anything runs."""
        return to_spark(sql, self._columns_of)

    @available
    def view(self, relation: BaseRelation, sql: str) -> None:
        """Make a model a view, as it is for DuckDB."""
        self._frame(sql).createOrReplaceTempView(self._name(relation))

    @available
    def build_whole(self, relation: BaseRelation, sql: str, columns: Mapping[str, str], keep: bool) -> None:
        """Build a model whole and keep it as Parquet.

        Args:
            relation: the model.
            sql: its query.
            columns: its contract, DuckDB's types by name; empty for none.
            keep: it is a result; else it stays for this run, without the periods that are not built.
        """
        frame = _typed(self._frame(sql), columns)
        if not keep:
            frame = self._of_build_periods(frame)
        if keep:
            self._keep_whole(relation, frame)
        else:
            self._keep_for_this_run(relation, frame)

    @available
    def build_periods(self, relation: BaseRelation, sql: str, columns: Mapping[str, str], reads_raw: bool) -> int:
        """Build a model for the periods in raw.build_periods, in place of what it held of them.

        One query for all of them, but period by period a model that reads what its own earlier periods hold. What is
        built is put in place when it is complete, so a killed run leaves periods either whole or absent.

        Args:
            relation: the model.
            sql: its query.
            columns: its contract, DuckDB's types by name; empty for none.
            reads_raw: only the periods whose raw rows changed.

        Returns:
            How many periods were built.

        Raises:
            DbtRuntimeError: its columns changed, and periods that are not built would be lost.
        """
        periods = self._periods(reads_raw)
        folder = self._folder(relation, self.exchange.tables)
        reads_itself = self._render(relation) in sql
        if not reads_itself:
            wanted = _columns(_typed(self._frame(sql), columns))
        elif columns:
            wanted = _plain(columns)
        else:
            raise DbtRuntimeError(
                f"{relation.identifier} reads itself, so it needs a contract: its columns come first."
            )
        self._drop_other_columns(relation, folder, wanted, periods)
        self._register(relation, folder, wanted, keep=True)
        for batch in [[period] for period in periods] if reads_itself else [periods] if periods else []:
            self._set_periods(batch)
            building = self._folder(relation, self._building)
            self._write(_typed(self._frame(sql), columns), building, partition="billing_period")
            _put_in_place(building, folder, batch)
            self._register(relation, folder, wanted, keep=True)
        self._set_periods(None)
        return len(periods)

    @available
    def load_seed(self, relation: BaseRelation, file: str, columns: Mapping[str, str]) -> None:
        """Read a seed's CSV file by its declared types; an empty field is null."""
        with Path(file).open(encoding="utf-8", newline="") as lines:
            header, *rows = csv.reader(lines)
        # Not createDataFrame: it reads rows in Python on the workers, which need have none.
        frame = _typed(
            self.session.sql(rows_sql(header, rows)), {name: columns.get(name, "varchar") for name in header}
        )
        self._keep_whole(relation, frame)

    def _keep_whole(self, relation: BaseRelation, frame: DataFrame) -> None:
        building, folder = (self._folder(relation, root) for root in (self._building, self.exchange.tables))
        self._write(frame, building)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        building.rename(folder)
        self._register(relation, folder, _columns(frame), keep=True)

    def _keep_for_this_run(self, relation: BaseRelation, frame: DataFrame) -> None:
        folder = self._folder(relation, self.exchange.scratch)
        self._write(frame, folder)
        self._register(relation, folder, _columns(frame), keep=False)

    @property
    def _building(self) -> Path:
        return self.exchange.scratch / "building"

    def _frame(self, sql: str) -> DataFrame:
        check_settings(self.session)
        parts = recursion(sql, self._columns_of)
        return self.session.sql(self.to_spark(sql)) if parts is None else self._recursive_frame(parts)

    def _recursive_frame(self, parts: Recursion) -> DataFrame:
        """Take the steps of a recursion one by one; each is kept, or the next would work it out again."""
        root = self.exchange.scratch / parts.everything
        shutil.rmtree(root, ignore_errors=True)
        for name, query in parts.before:
            self._kept(query, root / name).createOrReplaceTempView(name)
        found = [self._kept(parts.first, root / "step_0")]
        while not found[-1].isEmpty():
            found[-1].createOrReplaceTempView(parts.working)
            found.append(self._kept(parts.step, root / f"step_{len(found)}"))
        reduce(DataFrame.union, found).createOrReplaceTempView(parts.everything)
        return self.session.sql(parts.result)

    def _kept(self, query: str, folder: Path) -> DataFrame:
        frame = self.session.sql(query)
        self._write(frame, folder)
        return self.session.read.schema(frame.schema).parquet(str(folder))

    def _columns_of(self, view: str) -> Columns:
        return dict(self.session.table(view).dtypes)

    @staticmethod
    def _name(relation: BaseRelation) -> str:
        return temporary_name(str(relation.schema), str(relation.identifier))

    @staticmethod
    def _render(relation: BaseRelation) -> str:
        return f"{relation.schema}.{relation.identifier}"

    @staticmethod
    def _folder(relation: BaseRelation, root: Path) -> Path:
        return root / str(relation.schema) / str(relation.identifier)

    def _register(self, relation: BaseRelation, folder: Path, columns: Columns, keep: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        types = ", ".join(f"`{name}` {spark_type(kind)}" for name, kind in columns.items())
        self.session.read.schema(types).parquet(str(folder)).createOrReplaceTempView(self._name(relation))
        if keep:
            write_catalogue(
                self.exchange.tables, {**read_catalogue(self.exchange.tables), self._render(relation): columns}
            )

    def _periods(self, reads_raw: bool) -> list[date]:
        condition = " where reads_raw" if reads_raw else ""
        rows = self.session.sql(f"select billing_period from raw__build_periods{condition} order by billing_period")
        return [row.billing_period for row in rows.collect()]

    def _set_periods(self, periods: Sequence[date] | None) -> None:
        days = ", ".join(f"date '{period}'" for period in periods or ())
        listed = "null" if periods is None else f"array({days})"
        self.session.sql(f"set variable {PERIODS_VARIABLE} = cast({listed} as array<date>)")

    def _of_build_periods(self, frame: DataFrame) -> DataFrame:
        return frame.where(frame.billing_period.isin(self._periods(reads_raw=False)))

    def _write(self, frame: DataFrame, folder: Path, partition: str | None = None) -> None:
        if partition is None:
            frame.write.mode("overwrite").parquet(str(folder))
        else:
            # Each task writes a file per period that it meets: bring a period's rows together first.
            rebalanced = frame.hint("rebalance", partition)
            rebalanced.write.mode("overwrite").partitionBy(partition).parquet(str(folder))

    def _drop_other_columns(
        self, relation: BaseRelation, folder: Path, wanted: Columns, periods: Sequence[date]
    ) -> None:
        held = read_catalogue(self.exchange.tables).get(self._render(relation), wanted)
        if not folder.exists() or sorted(wanted.items()) == sorted(held.items()):
            return
        kept = {str(period) for period in periods}
        lost = sorted(
            found for path in folder.glob("billing_period=*") if (found := path.name.split("=")[1]) not in kept
        )
        if lost:
            raise DbtRuntimeError(
                f"{relation.identifier} has other columns now, and {', '.join(month[:7] for month in lost)} would be "
                "lost with the old table. Build every period: chargehouse run, without --period."
            )
        shutil.rmtree(folder)


def _typed(frame: DataFrame, columns: Mapping[str, str]) -> DataFrame:
    """Return the columns of a contract with its types; what has no contract as it is."""
    if not columns:
        return frame
    return frame.selectExpr(*(f"cast(`{name}` as {spark_type(kind)}) as `{name}`" for name, kind in columns.items()))


def _columns(frame: DataFrame) -> Columns:
    return {name: duckdb_type(kind) for name, kind in frame.dtypes}


def _plain(columns: Mapping[str, str]) -> Columns:
    return {name: duckdb_type(spark_type(kind)) for name, kind in columns.items()}


def _put_in_place(building: Path, folder: Path, periods: Sequence[date]) -> None:
    """Move what was built of each period to where it is kept; a period without rows is emptied."""
    for period in periods:
        built, kept = building / f"billing_period={period}", folder / f"billing_period={period}"
        if kept.exists():
            shutil.rmtree(kept)
        if built.exists():
            folder.mkdir(parents=True, exist_ok=True)
            built.rename(kept)
    if building.exists():
        shutil.rmtree(building)

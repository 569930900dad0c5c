"""The Spark session of a run, with the settings that keep its results equal to DuckDB's.

What is here: ``start_session``. It runs in Spark's own Python environment.
When to add here: a setting without which a result or a type would differ, with its reason.
What does not belong here: sizes of a cluster, which its own ``spark-defaults.conf`` says (``SPARK_CONF_DIR``).
"""

from pyspark.sql import SparkSession

from orchestration.spark.dialect import PERIODS_VARIABLE, spark_type, temporary_name
from orchestration.spark.layout import Exchange, read_catalogue

__all__ = ["check_settings", "start_session"]

_SETTINGS = {
    # Digits behind the point are never given up for a wider integer part; what does not fit is an error.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.legacy.decimal.retainFractionDigitsOnTruncate": "true",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # Views and tables are of this session alone; what is kept is Parquet in the shared folder.
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "true",
    # A plan that prints its thousands of columns costs the driver more than building it.
    "spark.sql.debug.maxToStringFields": "20",
    "spark.sql.maxPlanStringLength": "2000",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def start_session(exchange: Exchange, master: str) -> SparkSession:
    """Start a session on a cluster and give it a temporary view of everything in the shared folder.

    Args:
        exchange: the shared folder.
        master: as Spark writes it: ``spark://host:7077``, ``yarn``, ``local[2]``.
    """
    builder = SparkSession.builder.master(master).appName("chargehouse")
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    # Spark takes a misspelt setting without a word; one that can be changed is one that it knows.
    unknown = [name for name in _SETTINGS if name.startswith("spark.sql.") and not _is_known(session, name)]
    if unknown:
        raise RuntimeError(f"this Spark has no such settings: {unknown}")
    session.sql(f"declare or replace variable {PERIODS_VARIABLE} array<date>")
    for folder in (exchange.inputs, exchange.tables):
        for name, columns in read_catalogue(folder).items():
            schema, table = name.split(".")
            types = ", ".join(f"`{column}` {spark_type(duckdb_type)}" for column, duckdb_type in columns.items())
            frame = session.read.schema(types).parquet(str(folder / schema / table))
            frame.createOrReplaceTempView(temporary_name(schema, table))
    return session


def _is_known(session: SparkSession, name: str) -> bool:
    return name == "spark.sql.catalogImplementation" or bool(session.conf.isModifiable(name))


def check_settings(session: SparkSession) -> None:
    """Refuse to work on with settings that somebody changed after the start: results could differ without a word.

    dbt-spark turns ANSI off for every session it is given, and then an overflow is a null.

    Raises:
        RuntimeError: a setting is not what it has to be.
    """
    wrong = {name: found for name, value in _SETTINGS.items() if (found := session.conf.get(name)) != value}
    if wrong:
        raise RuntimeError(f"settings of the Spark session were changed: {wrong}")

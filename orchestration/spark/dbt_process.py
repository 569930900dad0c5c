"""dbt on Spark, in Spark's own Python environment: ``python -m orchestration.spark.dbt_process ARGUMENTS``.

What is here: that process: it starts the session, lets dbt run, and ends the session with it.
When to add here: another thing that dbt must be told before it begins.
What does not belong here: dbt on DuckDB (``orchestration/dbt_process.py``).
"""

import shutil
import sys
from pathlib import Path

from orchestration.settings import environment_engine
from orchestration.spark.layout import Exchange


def _main(arguments: list[str]) -> int:
    """Call dbt with these arguments; return its exit code."""
    import dbt.adapters.spark
    from dbt.cli.main import dbtRunner

    from orchestration.spark.adapter import SparkAdapter, SparkCredentials
    from orchestration.spark.session import start_session

    environment = environment_engine()
    assert environment.spark_folder is not None, "set by whoever starts this process"
    assert environment.spark_master is not None, "set by whoever starts this process"
    exchange = Exchange(Path(environment.spark_folder))
    shutil.rmtree(exchange.scratch.parent, ignore_errors=True)
    session = start_session(exchange, environment.spark_master)
    SparkAdapter.session, SparkAdapter.exchange = session, exchange
    # dbt asks the package of a target's type for its adapter and credentials.
    dbt.adapters.spark.Plugin.adapter = SparkAdapter
    dbt.adapters.spark.Plugin.credentials = SparkCredentials
    try:
        return 0 if dbtRunner().invoke(arguments).success else 1
    finally:
        session.stop()
        shutil.rmtree(exchange.scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))

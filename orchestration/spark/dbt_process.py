"""dbt on Spark, in Spark's own Python environment: ``python -m orchestration.spark.dbt_process ARGUMENTS``.

What is here: that process: it starts the session, lets dbt run, and ends the session with it.
When to add here: another thing that dbt must be told before it begins.
What does not belong here: dbt on DuckDB (``orchestration/dbt_process.py``).
"""

import os
import shutil
import sys
from pathlib import Path

from orchestration.spark.layout import Exchange


def _main(arguments: list[str]) -> int:
    """Call dbt with these arguments; return its exit code."""
    import dbt.adapters.spark
    from dbt.cli.main import dbtRunner

    from orchestration.spark.adapter import WorkspaceSparkAdapter
    from orchestration.spark.session import start_session

    exchange = Exchange(Path(os.environ["CHARGEHOUSE_SPARK_FOLDER"]))
    shutil.rmtree(exchange.scratch, ignore_errors=True)
    WorkspaceSparkAdapter.exchange = exchange
    # dbt asks the package of a target's type for its adapter.
    dbt.adapters.spark.Plugin.adapter = WorkspaceSparkAdapter
    session = start_session(exchange, os.environ["CHARGEHOUSE_SPARK_MASTER"])
    try:
        return 0 if dbtRunner().invoke(arguments).success else 1
    finally:
        session.stop()
        shutil.rmtree(exchange.scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))

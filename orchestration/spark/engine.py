"""Which engine builds the models of a run, as the environment says, and how dbt is started on Spark.

What is here: ``spark_engine``, which is None where DuckDB builds, and what it needs, checked before anything starts.
When to add here: another setting of the engine (list it in ``.env.example`` and ``docs/spark.md``).
What does not belong here: settings that decide results (``session``), sizes of a cluster (``spark-defaults.conf``).
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import ChargehouseError
from orchestration.settings import PROJECT_ROOT, Workspace, environment_engine
from orchestration.spark.layout import Exchange

__all__ = ["SparkEngine", "spark_engine"]


@dataclass(frozen=True)
class SparkEngine:
    """A cluster and what reaches it.

    Attributes:
        master: address of the cluster, as Spark writes it.
        python: interpreter of the environment that holds dbt-spark and pyspark.
        exchange: the folder that this machine and every worker see under the same path.
        configuration: folder with Spark's own files (``spark-defaults.conf``, ``log4j2.properties``).
    """

    master: str
    python: Path
    exchange: Exchange
    configuration: Path

    @property
    def dbt_command(self) -> tuple[str, ...]:
        """What stands for ``dbt`` in a command line; the environment of the call is ``environment``."""
        return (str(self.python), "-m", "orchestration.spark.dbt_process")

    @property
    def environment(self) -> dict[str, str]:
        """What that process has to know beside the workspace."""
        return {
            "CHARGEHOUSE_SPARK_MASTER": self.master,
            "CHARGEHOUSE_SPARK_FOLDER": str(self.exchange.root),
            "SPARK_CONF_DIR": str(self.configuration),
            # Spark looks for a Python beside the driver's even if no worker runs any.
            "PYSPARK_PYTHON": str(self.python),
        }


def spark_engine(workspace: Workspace) -> SparkEngine | None:
    """Return the Spark engine that ``CHARGEHOUSE_ENGINE`` asks for; None for DuckDB.

    Raises:
        ChargehouseError: the engine is unknown, or Spark lacks something; all problems at once.
    """
    environment = environment_engine()
    if environment.engine == "duckdb":
        return None
    if environment.engine != "spark":
        raise ChargehouseError(
            f"CHARGEHOUSE_ENGINE is {environment.engine!r}; expected duckdb or spark. Nothing was changed."
        )
    python = Path(environment.spark_python or PROJECT_ROOT / ".venv-spark" / "bin" / "python").absolute()
    problems = []
    if not environment.spark_master:
        problems.append("CHARGEHOUSE_SPARK_MASTER is not set; expected the cluster's address, as in spark://host:7077")
    if not python.exists():
        problems.append(f"there is no {python}; run `make setup-spark`, or set CHARGEHOUSE_SPARK_PYTHON")
    if shutil.which("java") is None and environment.java_home is None:
        problems.append("there is no Java; install version 17 or 21 (`make setup-system`), or set JAVA_HOME")
    if problems:
        raise ChargehouseError("Spark cannot be used:\n  " + "\n  ".join(problems) + "\nNothing was changed.")
    folder = Path(environment.spark_folder).expanduser().absolute() if environment.spark_folder else None
    return SparkEngine(
        master=str(environment.spark_master),
        python=python,
        exchange=Exchange(folder or workspace.warehouse / "spark"),
        configuration=Path(environment.spark_conf or Path(__file__).parent / "conf"),
    )

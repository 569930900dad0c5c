"""Where a workspace keeps its data, and what the environment says.

What is here: the one place that reads environment variables, and the paths of a workspace.
When to add here: a new environment variable (list it in ``.env.example``) or a new place in the workspace.
What does not belong here: reading or writing those places.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "PROJECT_ROOT",
    "EngineEnvironment",
    "Workspace",
    "child_environment",
    "environment_engine",
    "environment_ledger",
    "environment_mail",
    "export_environment",
    "export_variables",
]

PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Workspace:
    """One user's data folder (contract: workspace). Two workspaces never touch each other.

    Attributes:
        root: absolute path of the folder.
        landing_url: where deliveries land: a local folder, or ``s3://bucket/prefix``.
        memory_limit: DuckDB's memory limit, as DuckDB writes it (``4GB``).
        ledger_url: PostgreSQL address of the ledger; None keeps it in the workspace. May hold a password.
    """

    root: Path
    landing_url: str
    memory_limit: str = "4GB"
    ledger_url: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, root: Path, landing_url: str | None = None, ledger_url: str | None = None) -> "Workspace":
        """Return the workspace in ``root``, with landing and ledger in it unless a URL is given."""
        root = root.expanduser().resolve()
        return cls(
            root=root,
            landing_url=landing_url or str(root / "landing"),
            memory_limit=os.environ.get("CHARGEHOUSE_MEMORY_LIMIT", "4GB"),
            ledger_url=ledger_url,
        )

    @classmethod
    def from_environment(cls) -> "Workspace":
        """Return the workspace of ``CHARGEHOUSE_DATA`` (else the checkout's ``data/``), landing and ledger included."""
        root = os.environ.get("CHARGEHOUSE_DATA") or str(PROJECT_ROOT / "data")
        return cls.at(Path(root), os.environ.get("CHARGEHOUSE_LANDING") or None, environment_ledger())

    @property
    def billing(self) -> Path:
        """Billing configuration, ``*.csv``."""
        return self.root / "billing"

    @property
    def landing(self) -> Path:
        """The workspace's own landing folder (unused when ``landing_url`` is remote)."""
        return self.root / "landing"

    @property
    def warehouse(self) -> Path:
        """Disposable: rebuilt from landing and billing."""
        return self.root / "warehouse"

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB warehouse; one writer at a time."""
        return self.warehouse / "chargehouse.duckdb"

    @property
    def raw_store(self) -> Path:
        """Typed or linked Parquet of the deliveries, one folder per delivery."""
        return self.warehouse / "raw"

    @property
    def dagster_home(self) -> Path:
        """Dagster's run history for this workspace."""
        return self.warehouse / "dagster"

    @property
    def lock_file(self) -> Path:
        """Held by the process that writes the warehouse."""
        return self.warehouse / "run.lock"

    @property
    def published_file(self) -> Path:
        """Read-only copy of the marts, replaced atomically."""
        return self.root / "published" / "chargehouse.duckdb"

    @property
    def data_dictionary(self) -> Path:
        """What dbt knows of every table, as one HTML file that needs no server; made by `chargehouse docs`."""
        return self.root / "published" / "data-dictionary.html"

    @property
    def failed_checks_file(self) -> Path:
        """What the checks of a run found that published nothing; absent after a run that published."""
        return self.root / "published" / "failed_checks.duckdb"

    @property
    def ledger_file(self) -> Path:
        """Issued documents and payments, never rebuilt (unused when ``ledger_url`` is set)."""
        return self.root / "ledger" / "chargehouse-ledger.sqlite"

    @property
    def documents(self) -> Path:
        """Rendered documents."""
        return self.root / "documents"

    def document_file(self, billing_period: str, number: str, ending: str) -> Path:
        """Return where a file of an issued document is, made or not: ``ending`` is pdf, xml, xlsx or csv."""
        return self.document_folder(billing_period) / f"{number}.{ending}"

    def document_folder(self, billing_period: str) -> Path:
        """Return the folder of the documents of a billing period (``YYYY-MM``)."""
        return self.documents / billing_period


@dataclass(frozen=True)
class EngineEnvironment:
    """What the environment says of the engine that builds the models; None where it says nothing.

    Attributes:
        engine: ``CHARGEHOUSE_ENGINE``: duckdb or spark, or what else stands there.
        spark_master: ``CHARGEHOUSE_SPARK_MASTER``: address of the cluster.
        spark_python: ``CHARGEHOUSE_SPARK_PYTHON``: interpreter of Spark's own environment.
        spark_folder: ``CHARGEHOUSE_SPARK_FOLDER``: folder that this machine and the workers share.
        spark_conf: ``SPARK_CONF_DIR``, which is Spark's own variable.
        java_home: ``JAVA_HOME``, which is Java's.
    """

    engine: str
    spark_master: str | None
    spark_python: str | None
    spark_folder: str | None
    spark_conf: str | None
    java_home: str | None


def environment_engine() -> EngineEnvironment:
    """Return what the environment says of the engine; nothing of it is checked here."""
    return EngineEnvironment(
        engine=os.environ.get("CHARGEHOUSE_ENGINE") or "duckdb",
        spark_master=os.environ.get("CHARGEHOUSE_SPARK_MASTER") or None,
        spark_python=os.environ.get("CHARGEHOUSE_SPARK_PYTHON") or None,
        spark_folder=os.environ.get("CHARGEHOUSE_SPARK_FOLDER") or None,
        spark_conf=os.environ.get("SPARK_CONF_DIR") or None,
        java_home=os.environ.get("JAVA_HOME") or None,
    )


def export_variables(variables: dict[str, str]) -> None:
    """Set variables of this process for dbt, which it starts."""
    os.environ.update(variables)


def environment_ledger() -> str | None:
    """Return the address of the ledger in ``CHARGEHOUSE_LEDGER``: Dagster would show it, password and all."""
    return os.environ.get("CHARGEHOUSE_LEDGER") or None


def environment_mail() -> tuple[str | None, str | None]:
    """Return the mail server in ``CHARGEHOUSE_SMTP_URL``, which may hold a password, and ``CHARGEHOUSE_MAIL_FROM``."""
    return os.environ.get("CHARGEHOUSE_SMTP_URL") or None, os.environ.get("CHARGEHOUSE_MAIL_FROM") or None


def child_environment(workspace: Workspace, **extra: str) -> dict[str, str]:
    """Return the environment for a child process (dbt, Dagster, Streamlit) that works on ``workspace``."""
    return {
        **os.environ,
        "CHARGEHOUSE_DATA": str(workspace.root),
        "CHARGEHOUSE_LANDING": workspace.landing_url,
        "CHARGEHOUSE_LEDGER": workspace.ledger_url or "",
        "CHARGEHOUSE_WAREHOUSE_FILE": str(workspace.warehouse_file),
        "CHARGEHOUSE_MEMORY_LIMIT": workspace.memory_limit,
        "DAGSTER_HOME": str(workspace.dagster_home),
        # Events of a run over many periods are recorded together (``dagster_storage``).
        "DAGSTER_EVENT_BATCH_SIZE": "1000",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
        **extra,
    }


def export_environment(workspace: Workspace) -> None:
    """Set the environment of this process, and so of dbt, which it starts, to ``workspace``."""
    os.environ.update(child_environment(workspace))

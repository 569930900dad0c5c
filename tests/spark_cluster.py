"""A Spark cluster of the tests' own: a master and two workers, processes on the loopback address."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT

_PYTHON = PROJECT_ROOT / ".venv-spark" / "bin" / "python"
_CONFIGURATION = PROJECT_ROOT / "tests" / "spark" / "conf"
_START_SECONDS = 180


@dataclass(frozen=True)
class SparkCluster:
    """A running cluster.

    Attributes:
        master: its address, as CHARGEHOUSE_SPARK_MASTER takes it.
        python: the interpreter of Spark's own environment.
        configuration: Spark's own files for small tables on one machine, as SPARK_CONF_DIR takes them.
    """

    master: str
    python: Path
    configuration: Path


@contextmanager
def running_spark(folder: Path) -> Iterator[SparkCluster]:
    """Run a cluster whose files are in ``folder``; skip where Spark's environment or Java is missing."""
    if not _PYTHON.exists():
        pytest.skip("there is no .venv-spark: `make setup-spark` makes it")
    if shutil.which("java") is None:
        pytest.skip("there is no Java: `make setup-system` installs it")
    home = subprocess.run(
        [_PYTHON, "-c", "import pyspark; print(pyspark.__path__[0])"], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = {
        **os.environ,
        "SPARK_HOME": home,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "SPARK_CONF_DIR": str(_CONFIGURATION),
    }
    port, pages_port = _free_port(), _free_port()
    master = f"spark://127.0.0.1:{port}"
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> None:
        with (folder / f"{name}.log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    [Path(home) / "bin" / "spark-class", *arguments],
                    env=environment,
                    stdout=log,
                    stderr=log,
                    cwd=folder,
                )
            )

    try:
        deploy = "org.apache.spark.deploy"
        start(
            *("master", f"{deploy}.master.Master", "--host", "127.0.0.1"),
            *("--port", str(port), "--webui-port", str(pages_port)),
        )
        for number in (1, 2):
            start(
                *(f"worker-{number}", f"{deploy}.worker.Worker", "--host", "127.0.0.1", "--cores", "1"),
                *("--memory", "1g", "--webui-port", "0", "--work-dir", str(folder / f"work-{number}"), master),
            )
        _wait_for_workers(pages_port, folder)
        yield SparkCluster(master=master, python=_PYTHON, configuration=_CONFIGURATION)
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _wait_for_workers(pages_port: int, folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    alive = 0
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{pages_port}/json/", timeout=5) as answer:
                alive = int(json.load(answer)["aliveworkers"])
        except OSError:
            alive = 0
        if alive == 2:
            return
        time.sleep(0.5)
    logs = "\n".join(file.read_text(encoding="utf-8")[-2000:] for file in sorted(folder.glob("*.log")))
    pytest.fail(f"{alive} of 2 workers came up within {_START_SECONDS} s\n{logs}")

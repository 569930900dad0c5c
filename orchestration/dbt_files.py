"""The files of dbt: the project's manifest, the parsed project, and what a build did.

What is here: parsing the project when it changed, and reading results. No Dagster, which takes seconds to load.
When to add here: another thing that is read from what dbt wrote.
What does not belong here: how Dagster sees the project (``models.py``) and SQL (``dbt_project/``).
"""

import hashlib
import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from orchestration.errors import BuildError
from orchestration.settings import PROJECT_ROOT

__all__ = ["DBT_EXECUTABLE", "MANIFEST", "PARSED_PROJECT", "failures", "prepare_manifest", "project_digest"]

DBT_EXECUTABLE = str(Path(sys.executable).with_name("dbt"))
"""The dbt of this environment: nobody has to activate it for its programs to be found."""

MANIFEST = PROJECT_ROOT / "target" / "manifest.json"

PARSED_PROJECT = MANIFEST.with_name("parsed_project.msgpack")
"""What dbt needs to build without parsing again. Its own ``partial_parse.msgpack`` is useless for that: each workspace
has another warehouse file, and dbt then parses anew; and a linter may have written it for another database."""

_STAMP = MANIFEST.with_name("manifest.sha256")


def prepare_manifest() -> Path:
    """Parse the dbt project when it changed since its manifest was written; return the manifest's path.

    A fresh clone has no manifest, and Dagster builds its asset graph from it. Runs on several workspaces share it: one
    of them parses, the others wait.

    Raises:
        BuildError: the models cannot be parsed.
    """
    digest = project_digest()
    if not _is_parsed(digest):
        MANIFEST.parent.mkdir(exist_ok=True)
        with FileLock(MANIFEST.with_name("parsing.lock")):
            if not _is_parsed(digest):
                # Until the new one is there, nobody may take what is half written for it.
                _STAMP.unlink(missing_ok=True)
                _parse()
                _STAMP.write_text(digest, encoding="utf-8")
    return MANIFEST


def _is_parsed(digest: str) -> bool:
    try:
        return _STAMP.read_text(encoding="utf-8") == digest and MANIFEST.exists() and PARSED_PROJECT.exists()
    except FileNotFoundError:
        return False


def _parse() -> None:
    parsed = subprocess.run(
        [
            *(DBT_EXECUTABLE, "--quiet", "--no-use-colors", "parse"),
            *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT)),
        ],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if parsed.returncode != 0:
        raise BuildError(f"The models cannot be parsed:\n{parsed.stdout}{parsed.stderr}".rstrip())
    copied = shutil.copyfile(MANIFEST.with_name("partial_parse.msgpack"), PARSED_PROJECT.with_suffix(".new"))
    copied.replace(PARSED_PROJECT)


def project_digest() -> str:
    """Return the sha256 of everything that dbt makes the models from: its version, its settings and the project."""
    digest = hashlib.sha256(version("dbt-core").encode())
    files = [PROJECT_ROOT / "dbt_project.yml", PROJECT_ROOT / "profiles.yml"]
    files += (file for file in (PROJECT_ROOT / "dbt_project").rglob("*") if file.is_file())
    for file in sorted(files):
        digest.update(str(file.relative_to(PROJECT_ROOT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def failures(run_results: Path) -> list[str]:
    """Name the models and tests that failed; what was skipped behind them says nothing new.

    Args:
        run_results: dbt's ``run_results.json``; an empty list where dbt wrote none.
    """
    if not run_results.exists():
        return []
    return [
        f"{result['unique_id'].split('.')[2]}: {result.get('message') or result['status']}"
        for result in json.loads(run_results.read_text(encoding="utf-8"))["results"]
        if result["status"] in ("error", "fail", "runtime error")
    ]

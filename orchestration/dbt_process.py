"""dbt in a process of its own that does not parse the project again: ``python -m orchestration.dbt_process ARGUMENTS``.

What is here: that process, which runs and previews start.
When to add here: another thing that dbt must be told before it begins.
What does not belong here: which arguments it gets (``assets/models.py``, ``dbt_builds.py``).

dbt takes ten seconds to parse the project, and does so for each warehouse file; the parsed project that is kept beside
the manifest fits all of them, as their file has the same name.
"""

import sys

from orchestration.dbt_files import PARSED_PROJECT, prepare_manifest

__all__ = ["DBT_COMMAND"]

DBT_COMMAND = (sys.executable, "-m", "orchestration.dbt_process")
"""What stands for ``dbt`` in a command line."""


def _main(arguments: list[str]) -> int:
    """Call dbt with these arguments; return its exit code."""
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    prepare_manifest()
    manifest = Manifest.from_msgpack(PARSED_PROJECT.read_bytes())
    return 0 if dbtRunner(manifest=manifest).invoke(arguments).success else 1


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))

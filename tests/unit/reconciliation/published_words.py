"""The codes that the description of a mart's column lists.

What is here: reading them from the models' YAML.
When to add here: another way in which descriptions list codes.
What does not belong here: expectations.
"""

import re

import yaml  # type: ignore[import-untyped]

from orchestration.settings import PROJECT_ROOT

__all__ = ["described_codes"]


def described_codes(model: str, column: str, *, quoted: bool = True) -> set[str]:
    """Return the codes in the description of a column; of those without quotes, the ones with an underscore."""
    for path in (PROJECT_ROOT / "dbt_project" / "models" / "marts").rglob("*__models.yml"):
        for found in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            if found["name"] == model:
                (text,) = (each["description"] for each in found["columns"] if each["name"] == column)
                return set(re.findall(r"`([a-z_]+)`" if quoted else r"\b[a-z]+_[a-z_]+\b", text))
    raise AssertionError(f"no model {model}")

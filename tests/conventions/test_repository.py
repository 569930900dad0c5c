"""The conventions of the repository."""

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

from orchestration.settings import PROJECT_ROOT

_TOP_LEVEL = {
    ".ci", ".editorconfig", ".env.example", ".github", ".gitignore", ".sqlfluff", ".streamlit", "CHANGELOG.md",
    "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "benchmarks",
    "dashboards", "data", "dbt_project", "dbt_project.yml",
    "docs", "orchestration", "profiles.yml", "pyproject.toml", "requirements-spark.lock", "requirements-uv.lock",
    "requirements.lock", "tests",
}  # fmt: skip


def _committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [PROJECT_ROOT / name for name in listed if (PROJECT_ROOT / name).is_file()]


def _python(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((PROJECT_ROOT / folder).rglob("*.py"))]


def test_top_level_holds_what_the_architecture_page_lists() -> None:
    assert {file.relative_to(PROJECT_ROOT).parts[0] for file in _committed()} <= _TOP_LEVEL
    text = (PROJECT_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {name for name in _TOP_LEVEL if (PROJECT_ROOT / name).is_dir() and not name.startswith(".")}
    assert folders == set(re.findall(r"^\| `([a-z_]+)/` \|", text, flags=re.MULTILINE))


def test_names_of_test_modules_are_unique() -> None:
    """pytest takes two modules of one name for one, and then the whole run fails."""
    names = Counter(file.name for file in _python("tests") if file.name.startswith("test_"))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_drawer_modules() -> None:
    wrong = [file.name for file in _python("orchestration", "dashboards") if re.search("util|helper|common", file.name)]
    assert wrong == []


def test_only_settings_reads_the_environment() -> None:
    wrong = []
    for file in _python("orchestration", "dashboards"):
        if file == PROJECT_ROOT / "orchestration" / "settings.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
                wrong.append(f"{file.name}:{node.lineno}")
    assert wrong == []


def test_every_variable_is_listed() -> None:
    text = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8")
    read = set()
    files = [*_python("orchestration"), PROJECT_ROOT / "tests" / "conftest.py", PROJECT_ROOT / "profiles.yml"]
    for file in files:
        text_read = file.read_text(encoding="utf-8")
        read |= set(re.findall(r"(?:environ\.get|env_var)\(['\"](CHARGEHOUSE_[A-Z_]+)['\"]", text_read))
    assert read == set(re.findall(r"(CHARGEHOUSE_[A-Z_]+)=", text))


def test_modules_say_what_belongs_in_them() -> None:
    wrong = []
    for file in _python("orchestration", "dashboards"):
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        if "belong" not in docstring:
            wrong.append(str(file.relative_to(PROJECT_ROOT)))
    assert wrong == []


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-spark.lock", "requirements-uv.lock"):
        text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        assert text.count("--hash=sha256:") >= text.count("==")


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_configuration_page_is_current() -> None:
    from orchestration.configuration.reference import PAGE, reference_page

    assert PAGE.read_text(encoding="utf-8") == reference_page(), "run: make docs"

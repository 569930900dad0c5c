"""The reference page of the configuration files, written from their declarations.

What is here: ``reference_page``, and writing it to ``docs/configuration.md`` (`make docs`); the one file that is no CSV
and concerns no bill, ``bank_files.toml``, too.
When to add here: something a declaration says and the page does not show.
What does not belong here: facts about files and columns; they are declared in ``schema``.
"""

from dataclasses import MISSING, fields

from orchestration.configuration.schema import FILES, SETTINGS, FileSchema
from orchestration.ledger.bank_files import BankFile
from orchestration.settings import PROJECT_ROOT
from orchestration.settling.bank_forms import EXAMPLE, FILE, KEYS

__all__ = ["PAGE", "reference_page"]

PAGE = PROJECT_ROOT / "docs" / "configuration.md"

_INTRODUCTION = """\
# Configuration files

The billing configuration is a folder of CSV files, `billing/` of the workspace: UTF-8, with a header. Ids are text,
so AWS account ids keep their leading zeros. Periods are written `YYYY-MM`, dates `YYYY-MM-DD`; a start is inclusive,
an end is exclusive, and an empty end means open. Lists are separated by `|`; `*` means all. A percentage of 10 is 10 %.

Before anything is built, all files are read and checked together. Every problem is named at once: file, line, column,
value, what was expected and what to do. `chargehouse init FOLDER` writes an example of each file that a first bill
needs.

This page is written from the loader's own declarations by `make docs`.
"""


def reference_page() -> str:
    """Return the page as Markdown: one section per file, one table row per column."""
    sections = [_section(schema) for schema in FILES]
    settings = [
        "## Settings\n",
        "| setting | values | default | meaning |",
        "|---|---|---|---|",
        *(
            f"| `{setting.name}` | {', '.join(f'`{choice}`' for choice in setting.choices)} | `{setting.default}` "
            f"| {setting.meaning} |"
            for setting in SETTINGS
        ),
    ]
    return "\n".join([_INTRODUCTION, "\n".join(settings), "", *sections, _bank_files()])


def _section(schema: FileSchema) -> str:
    mark = "required" if schema.is_required else "optional"
    lines = [
        f"## {schema.file}\n",
        f"*{mark}*. {schema.meaning}\n",
        "| column | filled | holds | meaning |",
        "|---|---|---|---|",
    ]
    for name, column in schema.columns.items():
        domain = column.domain.replace("|", "\\|")
        lines.append(f"| `{name}` | {column.presence} | {domain} | {column.meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def _bank_files() -> str:
    """Return the section about how banks and payment providers write their files."""
    defaults = {field.name: field.default for field in fields(BankFile)}
    lines = [
        f"## {FILE}\n",
        "*optional*. One table per way in which a bank or payment provider writes its files; its name stands behind",
        "`chargehouse payments import FILE --form`. It is read when payments are imported; no bill depends on it.\n",
        "| key | filled | holds | meaning |",
        "|---|---|---|---|",
    ]
    for name, key in KEYS.items():
        default = defaults[name]
        presence = "always" if default is MISSING else "optional"
        if name == "source":
            presence = "optional; the table's name"
        elif default not in (MISSING, None, ""):
            presence = f"optional; `{default}`"
        holds = key.holds.replace("|", "\\|")
        lines.append(f"| `{name}` | {presence} | {holds} | {key.meaning} |")
    return "\n".join([*lines, "", "```toml", EXAMPLE.read_text(encoding="utf-8").rstrip("\n"), "```", ""])


if __name__ == "__main__":
    PAGE.write_text(reference_page(), encoding="utf-8")

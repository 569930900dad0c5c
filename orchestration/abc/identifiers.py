"""Readable ids from the names that things have in AWS Billing Conductor.

What is here: ``unique_ids``.
When to add here: another way in which two names could become the same id.
What does not belong here: what the ids are used for.
"""

import re
from collections import Counter
from collections.abc import Mapping

__all__ = ["unique_ids"]


def unique_ids(names: Mapping[str, str], reserved: str | None = None) -> dict[str, str]:
    """Return an id for each key: its name in lower-case words joined by hyphens.

    Names that would have the same id, or the reserved one, all get their key at the end, so that no id depends on the
    order of the export.

    Args:
        names: unique key, such as the last part of the ARN -> name.
        reserved: an id that none may have.
    """
    wanted = {key: re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") for key, name in names.items()}
    counts = Counter(wanted.values())
    ids = {key: text for key, text in wanted.items() if counts[text] == 1 and text not in ("", reserved)}
    taken = set(ids.values())
    for key in sorted(names.keys() - ids.keys()):
        found = "-".join(filter(None, (wanted[key], key)))
        while found in taken:
            found += f"-{key}"
        taken.add(found)
        ids[key] = found
    return ids

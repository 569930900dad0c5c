"""Single rows that are about to be written into a configuration file, held against its declaration.

What is here: ``cell_problems``, what is wrong with the cells of one row; ``shown_number``, how a number is written.
When to add here: another thing that programs which write configuration files need to know of one cell.
What does not belong here: rules that compare cells; ``validate`` makes those, on whole folders.
"""

from collections.abc import Mapping
from decimal import Decimal

from orchestration.configuration.columns import CellError, quoted
from orchestration.configuration.schema import FILE_BY_NAME

__all__ = ["cell_problems", "shown_number"]


def cell_problems(name: str, row: Mapping[str, str]) -> list[str]:
    """Return one clause for each cell of a row that the file of this stem may not hold.

    Args:
        name: stem of the file.
        row: column -> text; a column that is left out is empty.
    """
    problems = []
    for column, declaration in FILE_BY_NAME[name].columns.items():
        text = row.get(column, "").strip()
        try:
            if text:
                declaration.parse(text)
            elif declaration.is_always_filled:
                problems.append(f"{column} is empty")
        except CellError as error:
            problems.append(f"{column} {quoted(text)} {error.expected}")
    return problems


def shown_number(number: Decimal) -> str:
    """Return a number as files hold it: all digits, no exponent, no zeros at the end of the decimals."""
    return FILE_BY_NAME["pricing_rules"].columns["rate"].show(number)

"""Column types that keep exact values in SQLite and in PostgreSQL alike.

What is here: exact decimals and UTC times.
When to add here: a kind of value that one of the two databases would change on its way in or out.
What does not belong here: the columns themselves (``tables``). Migrations import this module: a type may gain
abilities, but what it stores never changes.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Numeric, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["ExactDecimal", "UtcTime", "plain"]


def plain(value: Decimal) -> str:
    """Return a finite decimal as plain digits, with its decimals kept: ``12.30``; never an exponent or ``-0``."""
    return format(abs(value) if value == 0 else value, "f")


class ExactDecimal(TypeDecorator[Decimal]):
    """An exact decimal (M1): NUMERIC on PostgreSQL, canonical text on SQLite, which would turn a number into a double.

    Never let SQLite add such a column up: its ``sum()`` returns a double.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that holds it."""
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Refuse what is not an exact, finite decimal.

        Raises:
            TypeError: a float, or anything else that is no Decimal.
            ValueError: not a finite number.
        """
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"money is Decimal, not {type(value).__name__}: {value!r}")
        if not value.is_finite():
            raise ValueError(f"money is finite, not {value}")
        return value if dialect.name == "postgresql" else plain(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return what was stored."""
        return None if value is None else Decimal(value)


class UtcTime(TypeDecorator[datetime]):
    """A moment, in UTC to the microsecond; a time without a zone is refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that holds it."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Turn a moment into UTC.

        Raises:
            TypeError: the time has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError(f"a moment needs its time zone: {value!r}")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the moment, in UTC."""
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

"""DuckDB's SQL, which the models are written in, as Spark reads it.

What is here: ``to_spark``, which translates one query, and the rewritings that keep its results the same to the last
decimal. sqlglot translates names and grammar; what it leaves to us is what would compute something else.
When to add here: a construct of a model that Spark refuses or reads differently.
What does not belong here: how statements are run (``adapters/``) and business rules.

What must hold on both engines, beside this: Spark's session settings in ``session.py`` (decimals keep their fraction
digits, ANSI errors instead of null), and HUGEINT, a whole number of 38 digits here (DECIMAL(38, 0)), whose overflow is
an error in both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

__all__ = [
    "PERIODS_VARIABLE",
    "Recursion",
    "duckdb_type",
    "recursion",
    "rows_sql",
    "spark_type",
    "temporary_name",
    "to_spark",
]

PERIODS_VARIABLE = "current_periods"
"""Session variable ARRAY<DATE>: the billing periods that are built; null for all (``is_current_period``)."""


def temporary_name(schema: str, table: str) -> str:
    """Return the name of the temporary view that stands for a table or model: such views have no schema in Spark."""
    return f"{schema}__{table}"


def spark_type(duckdb_type: str) -> str:
    """Return Spark's name of a type of DuckDB."""
    parsed = exp.DataType.build(duckdb_type, dialect="duckdb")
    return "decimal(38, 0)" if parsed.is_type(exp.DType.INT128) else parsed.sql(dialect="spark")


def duckdb_type(spark_type: str) -> str:
    """Return DuckDB's name of a type of Spark."""
    return exp.DataType.build(spark_type, dialect="spark").sql(dialect="duckdb")


def rows_sql(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return Spark's query of rows of texts, of which an empty one is null."""
    tuples = [exp.tuple_(*(exp.Literal.string(text) if text else exp.null() for text in row)) for row in rows]
    columns = ", ".join(f"cast(`{name}` as string) as `{name}`" for name in names)
    values = ", ".join(row.sql(dialect="spark") for row in tuples)
    return f"select {columns} from values {values} as given ({', '.join(f'`{name}`' for name in names)})"


@dataclass(frozen=True)
class Recursion:
    """A query with one recursive part, taken apart: Spark's recursion knows no window and no aggregate.

    Attributes:
        working: the view to give what the last step found, for the next step; at first, what ``first`` finds.
        everything: the view to give what all steps found, for ``result``.
        before: views to make before the first step, each from its query, in this order; all the others read them, and
            would work them out anew.
        first: the query that begins.
        step: the query of each step, until it finds nothing.
        result: the whole query over what was found.
    """

    working: str
    everything: str
    before: tuple[tuple[str, str], ...]
    first: str
    step: str
    result: str


def recursion(sql: str, columns_of: Callable[[str], Mapping[str, str]]) -> Recursion | None:
    """Take a recursive DuckDB query apart; None for a query that is not recursive.

    Args:
        sql: as for ``to_spark``.
        columns_of: as for ``to_spark``.

    Raises:
        sqlglot.errors.SqlglotError: it has more than one recursive part, or cannot be translated.
    """
    tree = _parsed(sql, columns_of)
    ctes = [] if tree.args.get("with_") is None else tree.args["with_"].expressions
    places = [
        place
        for place, cte in enumerate(ctes)
        if any(table.name == cte.alias and not table.db for table in cte.this.find_all(exp.Table))
    ]
    if not places:
        return None
    if len(places) > 1 or not isinstance(ctes[places[0]].this, exp.Union):
        raise sqlglot.ParseError("only a query with one recursive part, a union of two, is translated")
    [place] = places
    name, union = ctes[place].alias, ctes[place].this
    working, everything = temporary_name("recursion", f"{name}_step"), temporary_name("recursion", name)
    before = []
    for number, cte in enumerate(ctes[:place]):
        if cte.alias in _ctes_read(union):
            view = temporary_name("recursion", cte.alias)
            before.append((view, _spark_sql(_with_ctes(cte.this, ctes[:number]))))
            cte.set("this", exp.select("*").from_(view))
    for table in union.find_all(exp.Table):
        if table.name == name and not table.db:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias or name)))
            table.set("this", exp.to_identifier(working))
    first, step = (_spark_sql(_with_ctes(query, ctes[:place])) for query in (union.left, union.right))
    ctes[place].set("this", exp.select("*").from_(everything))
    tree.args["with_"].set("recursive", False)
    return Recursion(
        working=working, everything=everything, before=tuple(before), first=first, step=step, result=_spark_sql(tree)
    )


def _ctes_read(query: exp.Expr) -> set[str]:
    return {table.name for table in query.find_all(exp.Table) if not table.db}


def _with_ctes(query: exp.Expr, ctes: Sequence[exp.CTE]) -> exp.Expr:
    """Return a copy of a query behind those CTEs that it reads, directly or not."""
    names = _ctes_read(query)
    needed = []
    for cte in reversed(ctes):
        if cte.alias in names:
            needed.append(cte.copy())
            names |= _ctes_read(cte.this)
    query = query.copy()
    query.set("with_", exp.With(expressions=needed[::-1]) if needed else None)
    return query


def to_spark(sql: str, columns_of: Callable[[str], Mapping[str, str]]) -> str:
    """Translate one DuckDB query that is not recursive.

    Args:
        sql: a query of a model or test, as dbt compiled it.
        columns_of: the columns of a temporary view and their types, by its name; needed where a query says ``replace``
            or ``by name``, which Spark does not know.

    Raises:
        sqlglot.errors.SqlglotError: the query holds something that cannot be translated; nothing is guessed.
    """
    return _spark_sql(_parsed(sql, columns_of))


def _parsed(sql: str, columns_of: Callable[[str], Mapping[str, str]]) -> exp.Expr:
    tree = sqlglot.parse_one(sql, read="duckdb")
    _use_temporary_views(tree)
    return _with_columns(tree, columns_of) if _needs_columns(tree) else tree


def _spark_sql(tree: exp.Expr) -> str:
    for rewrite in _REWRITES:
        tree = _rewritten(tree, rewrite)
    return tree.sql(dialect="spark", pretty=True, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE)


def _use_temporary_views(tree: exp.Expr) -> None:
    for table in tree.find_all(exp.Table):
        if table.db:
            name = table.name
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
            table.set("this", exp.to_identifier(temporary_name(table.db, name)))
            table.set("db", None)
            table.set("catalog", None)


def _needs_columns(tree: exp.Expr) -> bool:
    return any(star.args.get("replace") for star in tree.find_all(exp.Star)) or any(
        union.args.get("by_name") for union in tree.find_all(exp.SetOperation)
    )


def _with_columns(tree: exp.Expr, columns_of: Callable[[str], Mapping[str, str]]) -> exp.Expr:
    """Write out every ``*`` and put the branches of ``union all by name`` into one order."""
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    schema: dict[str, object] = {
        table.name: dict(columns_of(table.name)) for table in tree.find_all(exp.Table) if table.name not in ctes
    }
    tree = qualify(
        tree,
        dialect="duckdb",
        schema=schema,
        quote_identifiers=False,
        validate_qualify_columns=False,
        expand_alias_refs=False,
        isolate_tables=False,
        identify=False,
        canonicalize_table_aliases=False,
    )
    for union in tree.find_all(exp.SetOperation):
        if union.args.get("by_name"):
            _order_branches(union)
    return tree


def _order_branches(union: exp.SetOperation) -> None:
    """Give the branches of one ``by name`` the columns of all, those of the first first; what one lacks is null."""
    union.set("by_name", None)
    branches = (union.left, union.right)
    names: list[str] = []
    for branch in branches:
        names += [name for name in branch.named_selects if name not in names]
    for branch in branches:
        while isinstance(branch, exp.SetOperation):
            branch = branch.left
        given = {select.alias_or_name: select for select in branch.selects}
        if list(given) != names:
            branch.set("expressions", [given.get(name) or exp.alias_(exp.null(), name) for name in names])


def _rewritten(tree: exp.Expr, rewrite: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """Rewrite every node, inner ones first, so that a copy of a part is a copy of the rewritten one."""
    for node in reversed(list(tree.dfs())):
        new = rewrite(node)
        if new is not node:
            if node is tree:
                tree = new
            else:
                node.replace(new)
    return tree


def _decimal(precision: int, scale: int = 0) -> exp.DataType:
    return exp.DataType.build(f"decimal({precision}, {scale})")


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _hugeint(node: exp.Expr) -> exp.Expr:
    """HUGEINT is DECIMAL(38, 0); of a literal only as many digits as it has, which leaves a quotient the others."""
    if isinstance(node, exp.Cast) and node.to.is_type(exp.DType.INT128):
        value = node.this
        if isinstance(value, exp.Literal) and not value.is_string:
            return exp.cast(value, _decimal(len(value.name)))
        return exp.cast(value, _decimal(38))
    return node


def _integer_division(node: exp.Expr) -> exp.Expr:
    """``//``: Spark's ``div`` returns a BIGINT. What is divided here is divisible, so ``/`` has nothing to round."""
    if not isinstance(node, exp.IntDiv):
        return node
    # What is a BIGINT has to be a decimal first, or the quotient would be a DOUBLE.
    dividend, divisor = exp.cast(exp.paren(node.left), _decimal(38)), exp.paren(node.right)
    if isinstance(node.right, exp.Cast) and node.right.this.name == "1":
        return dividend
    whole = exp.paren(exp.Sub(this=dividend, expression=exp.Mod(this=dividend.copy(), expression=divisor)))
    return exp.cast(exp.Div(this=whole, expression=divisor.copy()), _decimal(38))


def _truncation(node: exp.Expr) -> exp.Expr:
    """``trunc`` cuts toward zero; Spark's is for dates, and sqlglot's stand-in is a BIGINT."""
    if not isinstance(node, exp.Trunc):
        return node
    amount = node.this
    decimals = node.args.get("decimals") or exp.Literal.number(0)
    return exp.paren(
        exp.Case()
        .when(exp.LT(this=exp.paren(amount), expression=exp.Literal.number(0)), _call("CEIL", amount.copy(), decimals))
        .else_(_call("FLOOR", amount.copy(), decimals.copy()))
    )


def _sign(node: exp.Expr) -> exp.Expr:
    """Spark's ``sign`` is a DOUBLE, and so would be whatever is multiplied by it."""
    if not isinstance(node, exp.Sign):
        return node
    zero = exp.Literal.number(0)
    return exp.paren(
        exp.Case()
        .when(exp.GT(this=exp.paren(node.this), expression=zero), exp.Literal.number(1))
        .when(exp.LT(this=exp.paren(node.this.copy()), expression=zero.copy()), exp.Literal.number(-1))
        .when(exp.EQ(this=exp.paren(node.this.copy()), expression=zero.copy()), zero.copy())
    )


def _extreme_row(node: exp.Expr) -> exp.Expr:
    """``arg_max`` and ``arg_min`` skip rows whose value is null; Spark's ``max_by`` would answer with the null."""
    has_filter = isinstance(node, exp.Filter)
    found = node.this if isinstance(node, exp.Filter) else node
    if not isinstance(found, exp.ArgMax | exp.ArgMin) or (not has_filter and isinstance(node.parent, exp.Filter)):
        return node
    order = found.expression
    if isinstance(order, exp.Tuple):
        # A null inside a row is its largest value in DuckDB and its smallest in Spark.
        parts = [(exp.Is(this=exp.paren(part.copy()), expression=exp.null()), part) for part in order.expressions]
        order = _call("STRUCT", *(side for pair in parts for side in pair))
    is_given = exp.Not(this=exp.Is(this=exp.paren(found.this.copy()), expression=exp.null()))
    condition = exp.and_(node.expression.this, is_given) if has_filter else is_given
    name = "MAX_BY" if isinstance(found, exp.ArgMax) else "MIN_BY"
    return exp.Filter(this=_call(name, found.this, order), expression=exp.Where(this=condition))


def _row_text(node: exp.Expr) -> exp.Expr:
    """``cast(row(...) as varchar)`` as DuckDB writes it: what is empty, says null or holds a special sign is quoted."""
    if not (isinstance(node, exp.Cast) and isinstance(node.this, exp.Anonymous) and node.this.name.lower() == "row"):
        return node
    fields = node.this.expressions
    if len(fields) < 2:
        raise sqlglot.ParseError("a row of one field as text is not translated: give it two")
    parts: list[exp.Expr] = [exp.Literal.string("(")]
    for number, field in enumerate(fields):
        text = exp.cast(field, "text")
        quoted = exp.Concat(
            expressions=[
                exp.Literal.string("'"),
                _call("REGEXP_REPLACE", text.copy(), exp.Literal.string(r"([\'\\])"), exp.Literal.string(r"\\$1")),
                exp.Literal.string("'"),
            ]
        )
        written = (
            exp.Case()
            .when(exp.Is(this=exp.paren(field.copy()), expression=exp.null()), exp.Literal.string("NULL"))
            .when(exp.RegexpLike(this=text.copy(), expression=exp.Literal.string(_QUOTED_IN_ROW)), quoted)
            .else_(text.copy())
        )
        parts += [exp.Literal.string(", ")] * (number > 0) + [written]
    return exp.Concat(expressions=[*parts, exp.Literal.string(")")])


_QUOTED_IN_ROW = r"""["'(),:=\[\]\\{}]|^[ \t\n\x0b\f\r]|[ \t\n\x0b\f\r]\z|\A\z|\A(?i:null)\z"""


def _session_variable(node: exp.Expr) -> exp.Expr:
    """``is_current_period``: DuckDB builds neighbouring periods, Spark any, so its variable is a list."""
    if isinstance(node, exp.Between) and _is_period_variable(node.args["low"]):
        return _call("ARRAY_CONTAINS", exp.column(PERIODS_VARIABLE), node.this)
    if _is_period_variable(node) and isinstance(node.parent, exp.Is):
        return exp.column(PERIODS_VARIABLE)
    return node


def _is_period_variable(node: exp.Expr) -> bool:
    return (
        isinstance(node, exp.Anonymous)
        and node.name.lower() == "getvariable"
        and [argument.name for argument in node.expressions] == ["billing_period"]
    )


def _functions(node: exp.Expr) -> exp.Expr:
    """Functions that Spark has under another name or for other types."""
    if isinstance(node, exp.Anonymous):
        name = node.name.lower()
        if name == "timezone":
            # Spark's session is in UTC.
            return exp.cast(node.expressions[1], exp.DType.TIMESTAMPNTZ)
        if name == "list_sum":
            return _list_sum(node.expressions[0])
    if isinstance(node, exp.DayOfWeekIso):
        return exp.paren(exp.Add(this=_call("WEEKDAY", node.this), expression=exp.Literal.number(1)))
    if isinstance(node, exp.Length) and isinstance(node.this, exp.Split | exp.ArrayFilter):
        return _call("SIZE", node.this)
    return node


def _list_sum(values: exp.Expr) -> exp.Expr:
    """The sum of a list of DECIMAL(22, 10), null of an empty one."""
    zero = exp.cast(exp.Literal.number(0), _decimal(38, 10))
    added = exp.cast(exp.Add(this=exp.column("total"), expression=exp.column("part")), _decimal(38, 10))
    step = exp.Lambda(this=added, expressions=[exp.to_identifier("total"), exp.to_identifier("part")])
    return exp.paren(
        exp.Case().when(
            exp.GT(this=_call("SIZE", values), expression=exp.Literal.number(0)),
            _call("AGGREGATE", values.copy(), zero, step),
        )
    )


def _series(node: exp.Expr) -> exp.Expr:
    """A series that ends before it begins is empty; Spark takes it for an error, and unnests only at the top."""
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Explode):
        as_list = exp.DataType(this=exp.DType.ARRAY, expressions=[node.to.copy()], nested=True)
        return exp.Explode(this=exp.cast(node.this.this, as_list))
    if not (isinstance(node, exp.Explode) and isinstance(node.this, exp.GenerateSeries)):
        return node
    series = node.this
    is_forward = exp.LTE(this=series.args["start"].copy(), expression=series.args["end"].copy())
    sequence = _call("SEQUENCE", series.args["start"], series.args["end"], series.args["step"])
    return exp.Explode(this=exp.Case().when(is_forward, sequence))


def _lateral_values(node: exp.Expr) -> exp.Expr:
    """Spark evaluates ``values`` alone; rows that use columns of the row beside them are an array."""
    if not (isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery)):
        return node
    values = node.this.this
    if isinstance(values, exp.Select):
        source = values.args["from_"].this
        if not isinstance(source, exp.Values) or not values.is_star:
            return node
        values = source
    if not isinstance(values, exp.Values):
        return node
    # Rows of an array are of one type only if their columns have names.
    names = [exp.Literal.string(column.name) for column in node.args["alias"].columns]
    rows = [
        _call("NAMED_STRUCT", *(part.copy() for pair in zip(names, row.expressions, strict=True) for part in pair))
        for row in values.expressions
    ]
    node.set("this", _call("INLINE", _call("ARRAY", *rows)))
    return node


def _row_membership(node: exp.Expr) -> exp.Expr:
    """``(a, b) in (select (x, y) …)``: for Spark the query has columns, not rows. Rows with a null are never found."""
    if not (isinstance(node, exp.In) and isinstance(node.this, exp.Tuple)):
        return node
    select = node.args["query"].this if isinstance(node.args.get("query"), exp.Subquery) else None
    # Written out, the columns of a query have names.
    rows = [each.unalias() for each in select.selects] if isinstance(select, exp.Select) else []
    if select is not None and len(rows) == 1 and isinstance(rows[0], exp.Tuple):
        select.set("expressions", [part.copy() for part in rows[0].expressions])
    return node


def _ordered_map(node: exp.Expr) -> exp.Expr:
    """A map of two lists in one order: Spark's lists have none, so pairs are sorted by their key."""
    if not isinstance(node, exp.Map):
        return node
    found = []
    for side in ("keys", "values"):
        items = node.args.get(side)
        condition = items.expression if isinstance(items, exp.Filter) else None
        items = items.this if isinstance(items, exp.Filter) else items
        if not (isinstance(items, exp.ArrayAgg) and isinstance(items.this, exp.Order)):
            return node
        found.append((items.this.this, items.this.expressions, condition))
    (key, key_order, condition), (value, value_order, other_condition) = found
    if key_order != value_order or [each.this for each in key_order] != [key] or condition != other_condition:
        raise sqlglot.ParseError(f"lists of a map that are not in the order of its keys: {node.sql('duckdb')}")
    pairs: exp.Expr = _call("COLLECT_LIST", _call("STRUCT", key, value))
    if condition is not None:
        pairs = exp.Filter(this=pairs, expression=condition)
    # DuckDB's list of no rows is null.
    sorted_pairs = _call("ARRAY_SORT", pairs)
    return exp.paren(
        exp.Case().when(
            exp.GT(this=_call("SIZE", sorted_pairs), expression=exp.Literal.number(0)),
            _call("MAP_FROM_ENTRIES", sorted_pairs.copy()),
        )
    )


_REWRITES: tuple[Callable[[exp.Expr], exp.Expr], ...] = (
    _session_variable,
    _row_text,
    _ordered_map,
    _extreme_row,
    _lateral_values,
    _row_membership,
    _series,
    _integer_division,
    _hugeint,
    _truncation,
    _sign,
    _functions,
)
"""In this order: the first see DuckDB's own nodes, which later ones replace."""

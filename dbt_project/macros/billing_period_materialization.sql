{# Materialization `billing_period`: a table whose rows are replaced by whole billing periods.

   The periods to build stand in raw.build_periods, written by the orchestrator before dbt starts; a model with
   `reads_raw: true` is built only for the periods whose raw rows or membership dates changed, as the stored usage grain
   serves every other re-rating. Neighbouring periods with few rows are one batch, built by one statement, as planning a
   statement costs more than they do (billing_period_batches); a large period is a batch of its own. Rows are CUR rows
   for `reads_raw`, and rows of the grain for everything after it; `rows_per_batch` says how many where a model takes
   much memory for each. A model with `goes_on: true` reads what its
   earlier periods hold, and is built period by period. Each statement is one transaction, so memory follows the largest
   batch rather than history, and a killed run leaves whole periods. A table whose columns no longer match the model is
   dropped: the orchestrator lists every period when the models' code changes. #}
{% materialization billing_period, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}

    {% if existing is not none and not existing.is_table %}
        {% do adapter.drop_relation(existing) %}
        {% set existing = none %}
    {% endif %}

    {# A contract says what the table is before the SQL can be looked at: a model that reads what its earlier periods
       hold needs its table first. DuckDB describes both sides, as it and dbt spell types differently. #}
    {% set shape = sql %}
    {% if config.get('contract').enforced %}
        {% set nulls = [] %}
        {% for column in model.columns.values() %}
            {% do nulls.append("cast(null as " ~ column.data_type ~ ") as " ~ adapter.quote(column.name)) %}
        {% endfor %}
        {% set shape = "select " ~ nulls | join(", ") %}
    {% endif %}
    {% set wanted = {} %}
    {% for column in run_query("describe select * from (" ~ shape ~ ") as model_sql").rows %}
        {% do wanted.update({column[0]: column[1]}) %}
    {% endfor %}
    {% if existing is not none %}
        {% set found = {} %}
        {% for column in run_query("describe " ~ existing).rows %}
            {% do found.update({column[0]: column[1]}) %}
        {% endfor %}
        {% if found != wanted or should_full_refresh() %}
            {% set lost = run_query(
                "select strftime(billing_period, '%Y-%m') from " ~ existing
                ~ " except select strftime(billing_period, '%Y-%m') from raw.build_periods order by all"
            ).columns[0].values() %}
            {% if lost %}
                {{ exceptions.raise_compiler_error(
                    model.name ~ " has other columns now, and " ~ lost | join(", ") ~ " would be lost with the old "
                    ~ "table. Build every period: chargehouse run, without --period."
                ) }}
            {% endif %}
            {% do adapter.drop_relation(existing) %}
            {% set existing = none %}
        {% endif %}
    {% endif %}

    {% if existing is none %}
        {% set columns = [] %}
        {% for name, data_type in wanted.items() %}
            {% do columns.append(adapter.quote(name) ~ " " ~ data_type) %}
        {% endfor %}
        {% call statement('create', auto_begin=True) %}
            create table {{ target_relation }} ({{ columns | join(", ") }})
        {% endcall %}
        {% do adapter.commit() %}
    {% endif %}

    {% if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(sql) }}
    {% endif %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}

    {% set periods = "raw.build_periods" %}
    {% set row_counts %}
        (
            select billing_period, sum(row_count) as row_count from raw.deliveries
            where status = 'current' and is_billed
            group by billing_period
        )
    {% endset %}
    {% set rows_per_batch = config.get('rows_per_batch', 200000) %}
    {% set grain = adapter.get_relation(this.database, 'intermediate', 'int_usage_grain') %}
    {% if config.get('goes_on', false) %}
        {% set rows_per_batch = 1 %}
    {% elif config.get('reads_raw', false) %}
        {% set periods = "(select billing_period from raw.build_periods where reads_raw)" %}
    {% elif grain is not none %}
        {% set row_counts -%}
            (select billing_period, count(*) as row_count from {{ grain }} group by billing_period)
        {%- endset %}
    {% endif %}
    {% set batches = run_query(billing_period_batches(periods, row_counts, rows_per_batch)).rows %}

    {% for first, last in batches %}
        {% call statement('periods', auto_begin=True) %}
            set variable billing_period = date '{{ first }}';
            set variable billing_period_through = date '{{ last }}';
            delete from {{ target_relation }} where billing_period between date '{{ first }}' and date '{{ last }}';
            insert into {{ target_relation }} by name
            select * from ({{ sql }}) as model_sql;
            reset variable billing_period;
            reset variable billing_period_through;
        {% endcall %}
        {% do adapter.commit() %}
    {% endfor %}

    {# Comments are part of a transaction, which dbt takes back at the end unless it is committed. #}
    {% call statement('main', auto_begin=True) %}
        select {{ batches | length }} as built_batches
    {% endcall %}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Which billing periods one statement builds: a select of `first_period` and `last_period`, one row per batch, oldest
   first. Neighbouring periods share a batch, of at most `rows_per_batch` rows beside those of its first period; a gap
   between periods begins another, as everything from first to last is built.
   Arguments: periods = relation with billing_period; row_counts = relation with billing_period and row_count, the rows
   that the statement reads; what is not in it counts as none; rows_per_batch = INTEGER. #}
{% macro billing_period_batches(periods, row_counts, rows_per_batch) -%}
select
    min(billing_period) as first_period,
    max(billing_period) as last_period
from (
    select
        *,
        sum(greatest(row_count, 1)) over (partition by first_neighbour order by billing_period) as rows_so_far
    from (
        select
            periods.billing_period,
            coalesce(row_counts.row_count, 0) as row_count,
            -- The same for periods that follow on each other.
            periods.billing_period
            - to_months(cast(row_number() over (order by periods.billing_period) as integer)) as first_neighbour
        from {{ periods }} as periods
        left join {{ row_counts }} as row_counts on periods.billing_period = row_counts.billing_period
    ) as counted
) as summed
group by first_neighbour, (rows_so_far - 1) // {{ rows_per_batch }}
order by first_period
{%- endmacro %}

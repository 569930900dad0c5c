{# Splits whole amounts by largest remainder (M5): every part is the floor of its exact share, and the units still missing
   go one each to the largest fractional remainders, ties to the smallest key in text order. Parts sum to the whole.

   A select over `relation` with every column kept and `share_units` (HUGEINT) added.
   Arguments:
     relation     name of a CTE or relation, one row per part
     partition_by list of columns that name one whole
     whole_units  expression, HUGEINT: the whole in its smallest unit, the same on every row of a partition
     weight_units expression, HUGEINT: the weight in any integer unit; weights keep their sign
     key          expression, VARCHAR: unique inside a partition

   The whole is taken absolute and its sign restored. Weights that sum to zero fall back to equal weights. Where
   whole x weight may pass HUGEINT, the whole is divided in ten digits of base 100, as in long division: weights may sum
   to 10^35, that is to a hundred billion with 24 decimals. That takes twenty divisions instead of two, so it sees NULL
   on all other rows, which costs nothing. #}
{% macro largest_remainder(relation, partition_by, whole_units, weight_units, key) -%}
{%- set partition = partition_by | join(', ') -%}
{%- set digits = 10 -%}
{%- set base = 100 -%}
{#- HUGEINT ends at 1.7 * 10^38. -#}
{%- set is_short -%}
lr_whole < cast('1000000000000' as hugeint) and abs(lr_weight) < cast('100000000000000000000000000' as hugeint)
or lr_whole < cast('10000000000000000000' as hugeint) and abs(lr_weight) < cast('10000000000000000000' as hugeint)
{%- endset %}
(
    select
        * exclude (
            lr_whole, lr_short_whole, lr_long_whole, lr_sign, lr_weight_sum, lr_count, lr_weight, lr_total,
            lr_quotient, lr_modulus, lr_share, lr_rest
        ),
        lr_sign * (
            lr_share + case
                when
                    row_number() over (partition by {{ partition }} order by lr_rest desc, {{ key }} asc)
                    <= lr_whole - cast(sum(lr_share) over (partition by {{ partition }}) as hugeint)
                    then 1
                else 0
            end
        ) as share_units
    from (
        select
            * exclude (
                {%- for digit in range(digits) %}
                lr_share_{{ digit }}, lr_rest_{{ digit }}{{ ',' if not loop.last }}
                {%- endfor %}
            ),
            coalesce(lr_share_0, lr_short_whole * lr_weight // lr_total) as lr_quotient,
            coalesce(lr_rest_0, lr_short_whole * lr_weight % lr_total) as lr_modulus,
            lr_quotient - case when lr_modulus < 0 then 1 else 0 end as lr_share,
            case when lr_modulus < 0 then lr_modulus + lr_total else lr_modulus end as lr_rest
        from (
            select
                *,
                {%- for digit in range(digits) | reverse %}
                {%- if loop.first %}
                {%- set dividend = 'lr_long_whole // cast(' ~ base ** digit ~ ' as hugeint) * lr_weight' %}
                {{ dividend }} // lr_total as lr_share_{{ digit }},
                ({{ dividend }}) % lr_total as lr_rest_{{ digit }},
                {%- else %}
                {%- set dividend =
                    'lr_rest_' ~ (digit + 1) ~ ' * ' ~ base
                    ~ ' + lr_long_whole // cast(' ~ base ** digit ~ ' as hugeint) % ' ~ base ~ ' * lr_weight' %}
                lr_share_{{ digit + 1 }} * {{ base }} + ({{ dividend }}) // lr_total as lr_share_{{ digit }},
                ({{ dividend }}) % lr_total as lr_rest_{{ digit }}{{ ',' if not loop.last }}
                {%- endif %}
                {%- endfor %}
            from (
                select
                    * replace (
                        case
                            when lr_weight_sum = 0 then cast(1 as hugeint)
                            when lr_weight_sum < 0 then -lr_weight
                            else lr_weight
                        end as lr_weight
                    ),
                    case when lr_weight_sum = 0 then cast(lr_count as hugeint) else abs(lr_weight_sum) end as lr_total,
                    case when {{ is_short }} then lr_whole end as lr_short_whole,
                    case when not ({{ is_short }}) then lr_whole end as lr_long_whole
                from (
                    select
                        *,
                        abs(cast({{ whole_units }} as hugeint)) as lr_whole,
                        case
                            when {{ whole_units }} < 0 then cast(-1 as hugeint)
                            else cast(1 as hugeint)
                        end as lr_sign,
                        cast({{ weight_units }} as hugeint) as lr_weight,
                        cast(
                            sum(cast({{ weight_units }} as hugeint)) over (partition by {{ partition }})
                            as hugeint
                        ) as lr_weight_sum,
                        count(*) over (partition by {{ partition }}) as lr_count
                    from {{ relation }}
                ) as measured
            ) as weighted
        ) as divided
    ) as floored
)
{%- endmacro %}

{# An amount on both sides of a comparison, and the difference, as three columns NAME_before, NAME_after and
   NAME_difference: for rows with the column `side` (before, after) that are grouped. A side without rows counts as
   0; a side with a row whose amount is not known (no exchange rate) is null, and so is the difference.
   Arguments: name = DECIMAL or BIGINT column; data_type = its type, so that no sum widens it. #}
{% macro before_and_after(name, data_type) -%}
{%- set before = "case when count(*) filter (where side = 'before' and " ~ name ~ " is null) = 0 "
    ~ "then cast(coalesce(sum(" ~ name ~ ") filter (where side = 'before'), 0) as " ~ data_type ~ ") end" -%}
{%- set after = "case when count(*) filter (where side = 'after' and " ~ name ~ " is null) = 0 "
    ~ "then cast(coalesce(sum(" ~ name ~ ") filter (where side = 'after'), 0) as " ~ data_type ~ ") end" -%}
    {{ before }} as {{ name }}_before,
    {{ after }} as {{ name }}_after,
    cast(({{ after }}) - ({{ before }}) as {{ data_type }}) as {{ name }}_difference
{%- endmacro %}

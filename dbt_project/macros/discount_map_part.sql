{# The absolute sum of those entries of a row's CUR 2.0 discount map whose key holds one of the words (C2). AWS documents
   the map but not its keys, so keys are matched by word, in any case. DECIMAL, 0 where there is no map.
   Arguments: words = list of lower-case words. #}
{% macro discount_map_part(words) -%}
    coalesce(
        list_sum(
            list_transform(
                list_filter(
                    map_entries(discount),
                    lambda entry: {% for word in words -%}
                        contains(lower(entry.key), '{{ word }}'){{ ' or ' if not loop.last }}
                    {%- endfor %}
                ),
                lambda entry: abs(entry.value)
            )
        ),
        0
    )
{%- endmacro %}

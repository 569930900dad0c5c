{{ config(meta={'dagster': {'ref': {'name': 'fct_reconciliation'}}}) }}
{# A row here means that what AWS charged is not all accounted for (X1): nothing may be issued for that payer. #}
select *
from {{ ref('fct_reconciliation') }}
where residual <> 0

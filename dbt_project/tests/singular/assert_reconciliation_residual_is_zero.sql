{{ config(meta={'dagster': {'ref': {'name': 'fct_reconciliation'}}}) }}
{# A row here means that what AWS charged is not all accounted for (X1): nothing may be issued for that payer. #}
select
    'reconciliation__residual' as check_id,
    concat_ws(' ', billing_period, billing_account_id, stage) as failing_row,
    concat_ws(' ', 'amount', amount, 'residual', residual) as found
from {{ ref('fct_reconciliation') }}
where residual <> 0

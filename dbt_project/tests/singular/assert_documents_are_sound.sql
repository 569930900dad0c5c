{{ config(meta={'dagster': {'ref': {'name': 'fct_documents'}}}) }}
{# A row here means that the ledger no longer says what was issued: a document's parts are not its total (D3), or a
   number is missing or comes twice (D2). #}
with

documents as (
    select * from {{ source('ledger', 'documents') }}
),

document_lines as (
    select * from {{ source('ledger', 'document_lines') }}
),

document_taxes as (
    select * from {{ source('ledger', 'document_taxes') }}
),

line_totals as (
    select
        document_id,
        sum(net_amount) filter (where line_kind <> 'aws_tax') as net_amount,
        sum(net_amount) filter (where line_kind = 'aws_tax') as aws_tax_amount,
        sum(credit_amount) as credit_amount
    from document_lines
    group by document_id
),

tax_totals as (
    select
        document_id,
        sum(tax_amount) as tax_amount
    from document_taxes
    group by document_id
),

compared as (
    select
        documents.*,
        coalesce(line_totals.net_amount, 0) as line_net_amount,
        coalesce(line_totals.credit_amount, 0) as line_credit_amount,
        coalesce(line_totals.aws_tax_amount, 0) + coalesce(tax_totals.tax_amount, 0) as line_tax_amount
    from documents
    left join line_totals on documents.document_id = line_totals.document_id
    left join tax_totals on documents.document_id = tax_totals.document_id
),

failures as (
    select
        'documents__totals' as check_id,
        number as failing_row,
        concat_ws(
            ' ', 'total', total_amount, 'lines', line_net_amount, 'credits', line_credit_amount, 'tax', line_tax_amount
        ) as found
    from compared
    where
        net_amount <> line_net_amount or credit_amount <> line_credit_amount or tax_amount <> line_tax_amount
        or total_amount <> net_amount + credit_amount + tax_amount
    union all
    select
        'documents__numbers' as check_id,
        concat_ws(' ', issuer_id, series, year) as failing_row,
        concat_ws(
            ' ', count(*), 'documents,', count(distinct number), 'numbers, from', min(sequence), 'to', max(sequence)
        ) as found
    from documents
    group by issuer_id, series, year
    having count(*) <> count(distinct number) or min(sequence) <> 1 or max(sequence) <> count(*)
)

select * from failures

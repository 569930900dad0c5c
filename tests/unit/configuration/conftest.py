"""A whole valid configuration, with every file filled in, that tests damage in one place each."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import ConfigProblem, ConfigurationError

EXAMPLE = {
    "settings": """\
setting,value
membership_basis,usage_date
""",
    "payers": """\
payer_account_id,payer_name,billing_export
000000000901,Management,
999999999902,Second payer,cur-daily
""",
    "issuers": """\
issuer_id,legal_name,address,postal_code,city,country_code,tax_id,invoice_prefix,currency,iban,email
de,Cloud Resale GmbH,Hauptstraße 1,10115,Berlin,DE,DE123456789,CR,EUR,DE02120300000000202051,billing@example.com
""",
    "customers": """\
customer_id,legal_name,address,postal_code,city,subdivision,country_code,tax_id,currency,payment_terms_days,email,language
acme,"Acme, Inc.","1 Main St
Suite 2",10001,New York,NY,US,,USD,30,ap@acme.example,en
globex,Globex SARL,2 rue A,75001,Paris,,FR,FR12345678901,EUR,14,compta@globex.example,fr-FR
""",
    "billing_groups": """\
billing_group_id,billing_group_name,customer_id,issuer_id,primary_account_id,auto_associate,start_period,end_period
acme-prod,Acme production,acme,de,012345678901,false,2024-01,
acme-test,Acme test,acme,de,012345678903,false,2024-01,2024-07
globex,Globex,globex,de,111111111111,true,2024-02,
""",
    "account_assignments": """\
account_id,billing_group_id,start_date,end_date
012345678901,acme-prod,2024-01-01,
012345678902,acme-prod,2024-01-01,2024-03-16
012345678902,globex,2024-03-16,
012345678903,acme-test,2024-01-01,2024-07-01
111111111111,globex,2024-02-01,
""",
    "billing_terms": """\
billing_group_id,start_period,end_period,pricing_plan_id,commitment_policy,upfront_policy,free_tier_policy,\
support_policy,support_plan_id,bundled_discount_policy,negotiated_discount_policy,aws_credit_policy,\
aws_credit_share_percentage,refund_policy,tax_policy
acme-prod,2024-01,2024-06,retail,on_demand,withhold,pass_through,withhold,,pass_through,withhold,withhold,,pass_through,none
acme-prod,2024-06,,retail,owner_group,pass,withhold,recompute,business,withhold,withhold,share,33.25,withhold,recompute
acme-test,2024-01,,retail,pass_through,withhold,pass_through,pass_through,,withhold,withhold,pass_through,,withhold,none
globex,2024-02,,special,on_demand,withhold,pass_through,withhold,,withhold,withhold,withhold,,withhold,pass_through
""",
    "pricing_plans": """\
pricing_plan_id,pricing_plan_name
retail,Retail
special,Special prices
""",
    "pricing_rules": """\
pricing_rule_id,pricing_plan_id,scope,rule_type,percentage,rate,billing_entity,service_code,usage_type,operation,\
region,include_fees,start_period,end_period
r-all,retail,GLOBAL,MARKUP,10,,,,,,,true,2024-01,
r-market,retail,BILLING_ENTITY,MARKUP,0,,AWS Marketplace,,,,,false,2024-01,
r-ec2,retail,SERVICE,DISCOUNT,5.5,,,AmazonEC2,,,,false,2024-01,2024-04
r-ec2-eu,retail,SERVICE,DISCOUNT,6.25,,,AmazonEC2,,,eu-central-1,false,2024-01,
r-ec2-later,retail,SERVICE,DISCOUNT,7,,,AmazonEC2,,,,false,2024-04,
r-micro,retail,SKU,FIXED_RATE,,0.0123456789,,AmazonEC2,BoxUsage:t3.micro,RunInstances,,false,2024-01,
r-box,retail,SKU,MARKUP,3,,,AmazonEC2,BoxUsage:t3.micro,,,false,2024-01,
r-storage,special,SKU,TIERED,,,,AmazonS3,TimedStorage-ByteHrs,,,false,2024-01,
""",
    "pricing_rule_tiers": """\
pricing_rule_id,tier_start,tier_end,rate
r-storage,0,100,0.10
r-storage,100,300,0.08
r-storage,300,,0.05
""",
    "custom_line_items": """\
custom_line_item_id,billing_group_id,account_id,description,charge_type,calculation,amount,percentage,\
computation_rule,line_item_filter,filter_service_code,presentation_service,associated_item_ids,start_period,end_period
c-flat,acme-prod,,Managed service,FEE,FLAT,200,,,,,,,2024-01,
c-flat-2,acme-prod,012345678902,Welcome credit,CREDIT,FLAT,40.00,,CONSOLIDATED,,,AmazonEC2,,2024-01,2024-02
c-percent,acme-prod,,Platform fee,FEE,PERCENTAGE,,10,ITEMIZED,SERVICE_EQUAL,AmazonEC2,,c-flat|c-flat-2,2024-01,
c-percent-all,globex,,Service charge,FEE,PERCENTAGE,,2.5,CONSOLIDATED,,,,*,2024-02,
""",
    "shared_cost_rules": """\
shared_cost_rule_id,description,source_kind,source_account_id,source_service_code,fixed_amount,method,start_period,\
end_period
s-network,Shared network,account,333333333333,,,PROPORTIONAL,2024-01,
s-logs,Shared logs,account,333333333333,AmazonCloudWatch,,FIXED,2024-01,
s-tooling,Tooling,fixed,,,500,EVEN,2024-01,2024-12
s-savings,Savings passed on,payer_savings,,,,EXACT_SAVINGS,2024-01,
""",
    "shared_cost_targets": """\
shared_cost_rule_id,billing_group_id,weight
s-network,acme-prod,
s-network,globex,
s-logs,acme-prod,2
s-logs,globex,0.5
s-tooling,acme-prod,1
s-tooling,globex,1
""",
    "minimum_commitments": """\
billing_group_id,amount,start_date,end_date
acme-prod,1000,2024-01-10,2024-07-01
acme-prod,2000.50,2024-07-01,
""",
    "support_plans": """\
support_plan_id,minimum_amount,start_period,end_period
business,100,2024-01,2025-01
business,120,2025-01,
""",
    "support_plan_tiers": """\
support_plan_id,tier_start,tier_end,percentage,start_period,end_period
business,0,10000,10,2024-01,
business,10000,80000,7,2024-01,
business,80000,,5,2024-01,2025-01
business,80000,,4.5,2025-01,
""",
    "credits": """\
credit_id,billing_group_id,owner_account_id,description,amount,currency,start_date,end_date,eligible_services,\
covers_fees,status
k-1,acme-prod,012345678901,Promotion,10,USD,2024-01-01,2024-02-01,AmazonS3|AmazonEC2,false,Active
k-2,globex,,Goodwill,5.50,EUR,2024-02-01,,*,true,Paused
""",
    "tax_rates": """\
issuer_country_code,customer_country_code,customer_subdivision,customer_tax_id,tax_class,tax_category,tax_name,rate,\
exemption_reason,start_date,end_date
DE,FR,,required,standard,AE,VAT,0,Reverse charge,2024-01-01,
DE,FR,,absent,standard,S,VAT,19,,2024-01-01,
DE,US,,any,standard,O,VAT,0,,2024-01-01,
DE,US,NY,any,standard,S,Sales tax,8.875,,2024-01-01,
""",
    "tax_classes": """\
service_code,tax_class
AWSTraining,training
""",
    "tax_exemptions": """\
customer_id,account_id,tax_category,reason,certificate,start_date,end_date
globex,,E,Charity,C-1,2024-01-01,2024-07-01
globex,111111111111,E,Charity,C-2,2024-01-01,
""",
    "fx_rates": """\
period,from_currency,to_currency,rate,source
2024-02,USD,EUR,0.9234567891,ECB
2024-03,USD,EUR,0.93,ECB
""",
    "aws_invoices": """\
payer_account_id,invoice_id,billing_period,total_amount,currency
000000000901,1234567890,2024-01,1234.56,USD
000000000901,1234567891,2024-01,-12.5,USD
""",
    "budgets": """\
budget_id,billing_group_id,amount,currency,basis,thresholds,notify,start_period,end_period
b-1,acme-prod,1000,USD,billed,80|100,ap@acme.example|ops@acme.example,2024-01,
""",
    "access": """\
email,role,customer_id
finance@example.com,finance,
boss@acme.example,customer,acme
""",
}


class ConfigurationFiles:
    """Configuration files as header and rows of text; tests change rows, then write and read them.

    A row's position is its line in the file minus 2, except in customers.csv, whose first row takes two lines.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.headers: dict[str, list[str]] = {}
        self.rows: dict[str, list[list[str]]] = {}
        for name, text in EXAMPLE.items():
            header, *rows = csv.reader(io.StringIO(text))
            self.headers[name], self.rows[name] = header, rows

    def set(self, name: str, position: int, column: str, text: str) -> None:
        """Write ``text`` in one cell."""
        self.rows[name][position][self.headers[name].index(column)] = text

    def add(self, name: str, line: str) -> None:
        """Append a row, given as a line of CSV."""
        self.rows[name] += list(csv.reader([line]))

    def drop(self, name: str, *positions: int) -> None:
        """Remove rows."""
        self.rows[name] = [row for position, row in enumerate(self.rows[name]) if position not in positions]

    def replace_rows(self, name: str, *lines: str) -> None:
        """Replace all rows by these lines of CSV."""
        self.rows[name] = list(csv.reader(lines))

    def remove(self, *names: str) -> None:
        """Remove whole files."""
        for name in names:
            del self.headers[name], self.rows[name]

    def write(self) -> Path:
        """Write all files and return their folder."""
        for name, header in self.headers.items():
            with (self.folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *self.rows[name]])
        return self.folder

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write one file as given, instead of its rows."""
        self.remove(name)
        (self.folder / f"{name}.csv").write_bytes(content)

    def read(self) -> Configuration:
        """Write and read the configuration, which must be valid."""
        return read_configuration(self.write())

    def problems(self) -> list[ConfigProblem]:
        """Write and read the configuration and return its problems; none when it is valid."""
        try:
            self.read()
        except ConfigurationError as error:
            return error.problems
        return []


@pytest.fixture
def files(tmp_path: Path) -> ConfigurationFiles:
    """The example configuration, in a folder of its own."""
    return ConfigurationFiles(tmp_path)


@pytest.fixture(scope="session")
def new_files() -> Callable[[Path], ConfigurationFiles]:
    """Makes the example configuration in a given folder, for tests that need many of them."""
    return ConfigurationFiles

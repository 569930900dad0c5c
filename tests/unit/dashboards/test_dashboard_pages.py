"""The pages, run without a browser: what stands on them, and that it is what the marts say."""

import csv
import io
import shutil
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from dashboard_page import Page
from openpyxl import load_workbook
from publication_fixture import OCTOBER, PAYER_RESERVATION, SEPTEMBER, publish

from dashboards import closing_strings, quality_strings, queries, strings
from dashboards.components import money
from dashboards.publication import Publication
from orchestration.expectations.data_docs import data_docs_folder
from orchestration.settings import Workspace

Open = Callable[..., Page]
PAGES = (
    *("overview", "invoices", "explain", "charges", "commitments", "quality", "deliveries"),
    *("approve_and_issue", "documents", "close", "credits", "receivables"),
)


def rows_of_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("name", PAGES)
def test_nothing_published_yet_says_what_to_do(name: str, empty_workspace: Workspace, open_page: Open) -> None:
    page = open_page(name)
    assert strings.EMPTY_TITLE in page.html
    assert strings.EMPTY_COMMAND in page.html
    assert str(empty_workspace.published_file) in page.html
    assert not page.at.selectbox
    assert not page.at.error


@pytest.mark.parametrize("name", PAGES)
def test_a_run_without_periods_says_so(name: str, empty_workspace: Workspace, open_page: Open) -> None:
    publish(empty_workspace.published_file, periods=())
    page = open_page(name)
    assert [info.value for info in page.at.info] == [strings.NO_PERIODS]
    assert not page.at.error


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_its_frame(name: str, workspace: Workspace, open_page: Open) -> None:
    page = open_page(name)
    assert page.at.title[0].value == getattr(strings, name.upper())
    assert page.at.selectbox(key="period").options == ["October 2025", "September 2025"]
    assert page.at.selectbox(key="group").options == [
        strings.ALL_GROUPS, "Acme Robotics", "Bergmann Maschinenbau", "Hikari Systems", "Unassigned accounts",
    ]  # fmt: skip
    assert f"{strings.DATA_AS_OF} 4 Nov 2025, 06:12 UTC" in page.html
    assert "October 2025: not final" in page.html
    assert page.at.selectbox(key="group").disabled == (name in ("deliveries", "close"))
    page.choose(period="September 2025")
    assert "September 2025: final" in page.html


@pytest.mark.parametrize("name", PAGES)
def test_a_damaged_file_shows_one_clear_sentence(name: str, own_workspace: Workspace, open_page: Open) -> None:
    own_workspace.published_file.write_bytes(b"not a database" * 1000)
    page = open_page(name)
    (error,) = page.at.error
    assert strings.ERROR_TITLE in error.value
    assert "Run Chargehouse again" in error.value


def test_overview_shows_the_months_numbers(publication: Publication, open_page: Open) -> None:
    page = open_page("overview")
    assert page.metrics == {
        strings.BILLED: "USD 14,372.35",
        strings.AWS_COST: "USD 13,076.24",
        strings.MARGIN: "USD 1,296.11",
        strings.MARGIN_PERCENTAGE: "9.02 %",
    }
    assert [metric.delta for metric in page.at.metric] == [
        "+1,306.58 (+10.00 %) vs Sep 2025",
        "+1,193.57 (+10.04 %) vs Sep 2025",
        "+113.01 vs Sep 2025",
        "-0.03 points vs Sep 2025",
    ]
    table = page.table(strings.BY_GROUP)
    assert [row[:5] for row in table.rows] == [
        ["Acme Robotics\nacme", "10,724.35", "9,488.22", "1,236.14", "11.53 %"],
        ["Bergmann Maschinenbau\nbergmann", "2,519.99", "2,516.70", "3.28", "0.13 %"],
        ["Hikari Systems\nhikari", "1,128.01", "1,002.68", "125.33", "11.11 %"],
        ["Unassigned accounts\nUNASSIGNED", "0.00", "68.64", "-68.64", "–"],
    ]
    assert table.foot == [["Total", "14,372.35", "13,076.24", "1,296.11", "9.02 %", "-354.97", "5.30"]]
    assert table.helps[table.head.index(strings.MARGIN)] == "Billed cost minus AWS cost, without tax."


def test_overview_shows_rated_and_group_charges_where_there_are_any(
    group_charges: Publication, open_page: Open
) -> None:
    page = open_page("overview")
    table = page.table(strings.BY_GROUP)
    assert table.head[:4] == [strings.GROUP, strings.RATED_CHARGES, strings.GROUP_CHARGES, strings.BILLED]
    # 797.7311136727 shared, 846.53347356727 own, 900 support; 1,480.01 of bergmann's are its minimum
    assert [row[:4] for row in table.rows] == [
        ["Acme Robotics\nacme", "10,724.35", "2,544.26", "13,268.62"],
        ["Bergmann Maschinenbau\nbergmann", "2,519.99", "1,942.56", "4,462.55"],
        ["Hikari Systems\nhikari", "1,128.01", "101.00", "1,229.01"],
        ["Unassigned accounts\nUNASSIGNED", "0.00", "0.00", "0.00"],
    ]
    assert table.foot[0][:4] == ["Total", "14,372.35", "4,587.82", "18,960.17"]
    assert page.metrics[strings.BILLED] == "USD 18,960.17"
    assert strings.adds_up_to("USD 18,960.17") in [caption.value for caption in page.at.caption]
    page.choose(period="September 2025")
    assert page.table(strings.BY_GROUP).head[:2] == [strings.GROUP, strings.BILLED]


def test_overview_shows_where_the_margin_comes_from(publication: Publication, open_page: Open) -> None:
    table = open_page("overview").table(strings.MARGIN_PARTS)
    names = {words: component for component, (words, _) in strings.MARGIN_PART_NAMES.items()}
    assert [(names[row[0].split("\n")[0]], row[1]) for row in table.rows] == [
        (part.component, money.usd(part.amount)) for part in queries.margin_parts(publication, OCTOBER, None)
    ]
    assert table.foot == [["Total", "1,296.11"]]


def test_overview_shows_customer_credits_where_there_are_any(own_workspace: Workspace, open_page: Open) -> None:
    publish(
        own_workspace.published_file,
        change="update marts.rpt_billing_group_summary set customer_credits = -100 where billing_group_id = 'acme'",
    )
    table = open_page("overview").table(strings.BY_GROUP)
    assert table.head[:3] == [strings.GROUP, strings.BILLED, strings.CREDIT_TOTAL]
    assert [row[2] for row in table.rows] == ["-100.00", "0.00", "0.00", "0.00"]
    assert table.foot[0][2] == "-100.00"


def test_overview_names_the_money_that_is_on_no_invoice(workspace: Workspace, open_page: Open) -> None:
    page = open_page("overview")
    (warning,) = page.at.warning
    assert f"**USD 68.64** {strings.UNASSIGNED_NOTICE}" in warning.value
    assert f"**USD 5.30** {strings.UNRATED_NOTICE}" in warning.value
    assert "](quality?period=October+2025)" in warning.value
    page.choose(group="Hikari Systems")
    assert not page.at.warning


def test_overview_of_one_group(publication: Publication, open_page: Open) -> None:
    page = open_page("overview", group="Bergmann Maschinenbau")
    assert page.metrics[strings.BILLED] == "USD 2,519.99"
    assert [row[0] for row in page.table(strings.BY_GROUP).rows] == ["Bergmann Maschinenbau\nbergmann"]
    months = page.table(strings.BY_MONTH)
    assert months.column(strings.BILLED) == ["2,519.99", "2,290.90"]
    assert months.column(strings.PERIOD) == ["Oct 2025\nNot final", "Sep 2025"]


def test_first_month_has_no_change(workspace: Workspace, open_page: Open) -> None:
    page = open_page("overview")
    assert strings.NOT_FINAL_MARK in [caption.value for caption in page.at.caption]
    page.choose(period="September 2025")
    assert strings.NOT_FINAL_MARK not in [caption.value for caption in page.at.caption]
    assert {metric.delta for metric in page.at.metric} == {strings.NO_MONTH_BEFORE}


def test_a_group_without_charges(empty_workspace: Workspace, open_page: Open) -> None:
    publish(empty_workspace.published_file, change="delete from marts.rpt_billing_group_summary where true")
    page = open_page("overview")
    assert [info.value for info in page.at.info] == [strings.NOTHING_IN_PERIOD]


def test_invoice_list(publication: Publication, open_page: Open) -> None:
    page = open_page("invoices")
    table = page.table(strings.INVOICE_LIST)
    assert [row[:6] for row in table.rows] == [
        ["Acme Robotics, Inc.\nAcme Robotics", "USD", "10,724.35", "0.00", "0.00", "10,724.35"],
        ["Bergmann Maschinenbau GmbH\nBergmann Maschinenbau", "EUR", "2,169.96", "0.00", "36.16", "2,206.12"],
        ["Hikari Systems K.K.\nHikari Systems", "JPY", strings.RATE_MISSING, "–", "–", "–"],
    ]
    assert table.column(strings.STATE) == ["Draft"] * 3
    assert table.column(strings.OPEN_PROBLEMS)[2] == "Missing exchange rate; Month not final"
    assert [row[1:6] for row in table.foot] == [
        ["EUR", "2,169.96", "0.00", "36.16", "2,206.12"],
        ["JPY", "–", "–", "–", "–"],
        ["USD", "10,724.35", "0.00", "0.00", "10,724.35"],
    ]


@pytest.mark.parametrize(
    ("period", "customer", "total"),
    [
        ("October 2025", "Acme Robotics, Inc.", "10,724.35"),
        ("October 2025", "Bergmann Maschinenbau GmbH", "2,206.12"),
        ("September 2025", "Hikari Systems K.K.", "152,025"),
    ],
)
def test_every_view_of_an_invoice_ends_in_its_total(
    period: str, customer: str, total: str, workspace: Workspace, open_page: Open
) -> None:
    page = open_page("invoices", period=period, invoice=customer)
    assert page.at.selectbox(key="invoice").value == customer
    assert page.table(strings.INVOICE_LINES).total("Amount") == total
    assert page.table(strings.BY_ACCOUNT).total("Amount") == total
    parts = page.table(strings.BY_LINE_AND_ACCOUNT)
    shown = [Decimal(text.replace(",", "")) for text in parts.column(parts.head[-2])]
    assert sum(shown) == Decimal(total.replace(",", ""))
    assert strings.TIES in page.html
    assert not page.at.error


def test_invoice_head(workspace: Workspace, open_page: Open) -> None:
    page = open_page("invoices", invoice="Bergmann Maschinenbau GmbH")
    for text in (
        "Hüttenstraße 4, 40215 Düsseldorf, DE",
        "DE123456789",
        "14 days",
        "1 USD = 0.8611 EUR",
        "ECB monthly average",
        "EUR 2,206.12",
        "EUR 0.0050626165",
        "USD 2,519.985985",
    ):
        assert text in page.html


def test_an_invoice_without_a_rate_has_no_amounts_and_says_why(workspace: Workspace, open_page: Open) -> None:
    page = open_page("invoices", invoice="Hikari Systems K.K.")
    (warning,) = page.at.warning
    assert warning.value == f"**JPY** {strings.RATE_MISSING_NOTICE}"
    lines = page.table(strings.INVOICE_LINES)
    assert lines.column("Amount, JPY") == [strings.RATE_MISSING] * 2
    assert (lines.total(strings.EXACT_USD), lines.total("Amount")) == ("1,128.0097125", "–")


def test_an_invoice_that_does_not_tie_is_stopped(empty_workspace: Workspace, open_page: Open) -> None:
    publish(
        empty_workspace.published_file,
        change="update marts.fct_invoice_lines set net_amount = net_amount + 0.01 where line_number = 1",
    )
    page = open_page("invoices", invoice="Acme Robotics, Inc.")
    (error,) = page.at.error
    assert strings.DOES_NOT_TIE in error.value
    assert "Lines: 0.01, accounts: 0.00, credits: 0.00, tax: 0.00, total: 0.00 USD" in error.value
    assert strings.TIES not in page.html


def words(page: Page) -> dict[str, list[str]]:
    """What the lines of an invoice say, by description: sentence and amount in exact USD."""
    table = page.table(strings.INVOICE_LINES)
    described = (text.split("\n") for text in table.column(strings.DESCRIPTION))
    return {
        lines[0]: [*lines[1:], amount] for lines, amount in zip(described, table.column(strings.EXACT_USD), strict=True)
    }


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        (
            "Acme Robotics, Inc.",
            {
                "Shared tools": ["USD 809.73 of 1,000.00, by rated charges 80.97 %", "809.7311136727"],
                "Security desk": ["USD 100.00 of 300.00, one of 3 equal parts", "100.00"],
                "Savings of shared plans": [
                    "80.00 % of USD 140.00 that commitments outside the groups saved, by normalised instance hours",
                    "-112.00",
                ],
                "Managed service": ["10 % of USD 11,522.09 rated charges and shared costs", "1,152.20859856727"],
                "Goodwill": ["A fixed credit: USD -250.00", "-250.00"],
                "Database care": ["Credit: -5 % of USD 1,113.50 charges that the item counts", "-55.675125"],
                "Support, business": ["By the plan's tiers on USD 9,000.00 of usage and commitments", "900.00"],
            },
        ),
        (
            "Bergmann Maschinenbau GmbH",
            {
                "Care": ["7.5 % of USD 290.27 shared costs and named items", "21.7701664745475"],
                "Care, Amazon Elastic Compute Cloud": [
                    "7.5 % of USD 2,006.75 charges of this service", "150.506098875",
                ],
                "Minimum commitment": ["Minimum USD 4,000.00 promised, 2,519.99 charged", "1,480.014015"],
            },
        ),
        (
            "Hikari Systems K.K.",
            {
                "Support, developer": [
                    "The plan's minimum; its tiers on USD 900.00 of usage and commitments come to less", "29.00",
                ],
            },
        ),
    ],
)  # fmt: skip
def test_a_group_charge_says_how_it_came_about(
    customer: str, expected: dict[str, list[str]], group_charges: Publication, open_page: Open
) -> None:
    found = words(open_page("invoices", invoice=customer))
    assert {name: found[name] for name in expected} == expected


def test_a_group_charge_opens_to_its_exact_numbers(group_charges: Publication, open_page: Open) -> None:
    page = open_page("invoices", invoice="Acme Robotics, Inc.")
    table = page.table(strings.INVOICE_LINES)
    names = [text.split("\n")[0] for text in table.column(strings.DESCRIPTION)]
    place = names.index("Managed service")
    exact = "10 % of USD 11,522.0859856727 rated charges and shared costs"
    assert table.hints[place, table.head.index(strings.DESCRIPTION)] == exact
    assert table.opened[place] == [
        (strings.EXACT_WORDS, exact),
        (strings.COMES_FROM, "managed, custom_line_items.csv"),
    ]
    assert table.opened[names.index("Shared tools")][-1] == (strings.WEIGHT, "10,724.354872 of 13,244.340857")
    assert table.opened[names.index("Support, business")][2:] == [
        ("Acme production · 100000000001", "USD 600.00, weight 6,000 of 9,000"),
        ("Acme data lake · 100000000002", "USD 300.00, weight 3,000 of 9,000"),
    ]
    assert (strings.BASE, strings.ITEMS_THAT_ARE_COUNTED) in table.opened[names.index("Database care")]
    # Usage has no such thing: its link leads to the charges themselves.
    assert 0 not in table.opened


@pytest.mark.parametrize("customer", ["Acme Robotics, Inc.", "Bergmann Maschinenbau GmbH"])
def test_an_invoice_with_group_charges_ties_in_every_view(
    customer: str, group_charges: Publication, open_page: Open
) -> None:
    page = open_page("invoices", invoice=customer)
    total = page.table(strings.INVOICE_LINES).total("Amount")
    assert page.table(strings.BY_ACCOUNT).total("Amount") == total
    assert strings.TIES in page.html
    parts = page.table(strings.BY_LINE_AND_ACCOUNT)
    if customer.startswith("Acme"):
        assert [row[2:] for row in parts.rows if row[1] == "Support, business"] == [
            ["Acme production\n100000000001", "600.00", "600.00", "0.00"],
            ["Acme data lake\n100000000002", "300.00", "300.00", "0.00"],
        ]


def test_a_split_without_weights_says_so(empty_workspace: Workspace, open_page: Open) -> None:
    publish(
        empty_workspace.published_file,
        group_charges=True,
        change="update marts.fct_group_charges set is_equal_split = true where source_id = 'shared-tools'",
    )
    found = words(open_page("invoices", invoice="Acme Robotics, Inc."))
    assert found["Shared tools"][0].startswith("USD 809.73 of 1,000.00, in equal parts, because the weights sum")


def test_invoice_downloads_hold_the_group_charges(group_charges: Publication, open_page: Open) -> None:
    page = open_page("invoices", invoice="Acme Robotics, Inc.")
    workbook = load_workbook(io.BytesIO(page.downloads["chargehouse-invoice-lines-2025-10-acme.xlsx"]()))
    assert workbook.sheetnames == ["Lines", "Accounts", strings.TAX, strings.GROUP_CHARGES, "About"]
    head, *rows = workbook[strings.GROUP_CHARGES].iter_rows(values_only=True)
    exact = [Decimal(str(row[head.index("billed_cost_exact")])) for row in rows]
    assert sum(exact) == Decimal("2544.26458723997")
    assert len(rows) == 10  # the minimum that is met among them


def test_invoice_downloads(workspace: Workspace, open_page: Open) -> None:
    page = open_page("invoices", period="September 2025", invoice="Bergmann Maschinenbau GmbH")
    rows = rows_of_csv(page.downloads["chargehouse-invoice-lines-2025-09-bergmann.csv"]())
    assert sum(Decimal(row["net_amount"]) for row in rows) == Decimal("1984.59")
    workbook = load_workbook(io.BytesIO(page.downloads["chargehouse-invoice-lines-2025-09-bergmann.xlsx"]()))
    assert workbook.sheetnames == ["Lines", "Accounts", strings.TAX, "About"]
    head = [cell.value for cell in workbook["Lines"][1]]
    cell = workbook["Lines"].cell(row=2, column=head.index("net_amount") + 1)
    assert Decimal(str(cell.value)) == Decimal(rows[0]["net_amount"])
    assert cell.number_format == "#,##0.00"
    assert (strings.INVOICE_TOTAL, "1,984.59") in list(workbook["About"].iter_rows(values_only=True))
    listed = rows_of_csv(page.downloads["chargehouse-invoices-2025-09.csv"]())
    assert [row["customer_id"] for row in listed] == ["acme-inc", "bergmann-gmbh", "hikari-kk"]


def test_no_invoice_for_unassigned_accounts(workspace: Workspace, open_page: Open) -> None:
    page = open_page("invoices", group="Unassigned accounts")
    assert [info.value for info in page.at.info] == [strings.NO_INVOICES]


def test_charges_are_added_up_over_everything(publication: Publication, open_page: Open) -> None:
    page = open_page("charges")
    assert page.metrics == {
        strings.CHARGE_COUNT: "22",
        strings.LIST_COST: "USD 12,964.20",
        strings.AWS_COST: "USD 13,790.62",
        strings.BILLED: "USD 14,414.34",
    }
    table = page.table("Charges by service")
    assert table.rows[0] == [
        "Amazon Elastic Compute Cloud\nAmazonEC2",
        "12",
        "9,672.50",
        "9,681.47",
        "10,313.20",
    ]
    assert table.foot == [["Total", "22", "12,964.20", "13,790.62", "14,414.34"]]
    assert any(strings.TAX_INCLUDED in caption.value for caption in page.at.caption)


def test_charge_filters_narrow_totals_table_and_download(publication: Publication, open_page: Open) -> None:
    page = open_page("charges")
    page.choose(service=["Amazon Simple Storage Service (AmazonS3)"], by=strings.GROUPINGS["account"])
    assert page.metrics[strings.CHARGE_COUNT] == "4"
    assert page.metrics[strings.BILLED] == "USD 1,727.02"
    assert [row[0] for row in page.table("Charges by account").rows] == [
        "Acme data lake\n100000000002", "Bergmann <Test> & Co\n200000000002", "Hikari main\n300000000001",
    ]  # fmt: skip
    page.choose(group="Acme Robotics")
    assert page.metrics[strings.BILLED] == "USD 1,585.71"
    rows = rows_of_csv(page.downloads["chargehouse-charges-2025-10-acme-robotics.csv"]())
    assert [(row["usage_type"], row["billed_cost"]) for row in rows] == [("EU-TimedStorage-ByteHrs", "1585.71105")]
    page.choose(search="nothing is called so")
    assert [info.value for info in page.at.info] == [strings.NO_CHARGES]
    page.at.button(key="charges_clear").click().run()
    assert page.checked().metrics[strings.CHARGE_COUNT] == "13"


def test_the_group_filter_survives_a_change_of_period(publication: Publication, open_page: Open) -> None:
    page = open_page("charges", group="Acme Robotics")
    page.choose(treatment=["Unrated"])
    assert page.metrics[strings.CHARGE_COUNT] == "1"
    # September has nothing unrated: the choice is not offered there, and must not silently match nothing.
    page.choose(period="September 2025")
    assert page.at.selectbox(key="group").value == "Acme Robotics"
    assert page.at.multiselect(key="treatment").options == ["Billed", "Withheld"]
    assert page.metrics[strings.CHARGE_COUNT] == "12"


@pytest.mark.parametrize("grouping", list(strings.GROUPINGS.values()))
def test_every_grouping_has_the_same_total(grouping: str, workspace: Workspace, open_page: Open) -> None:
    page = open_page("charges", by=grouping)
    (table,) = page.tables
    assert "14,414.34" in table.foot[0]
    assert "13,790.62" in table.foot[0]


def test_every_charge_says_in_plain_words_how_it_was_treated(workspace: Workspace, open_page: Open) -> None:
    page = open_page("charges", by=strings.GROUPINGS["none"])
    treatments = page.table(strings.CHARGES).column(strings.TREATMENT)
    for text in (
        "Withheld\nKept back by the group's billing terms",
        "Withheld\nOur partner discount, never passed on",
        "Withheld\nThe account is in no billing group",
        "Unrated\nAWS sent a kind of charge that is not known yet",
        "Unrated\nA value could not be read (line_item_usage_amount)",
    ):
        assert text in treatments


def test_names_from_aws_are_text_and_never_markup(workspace: Workspace, open_page: Open) -> None:
    page = open_page("charges", by=strings.GROUPINGS["account"])
    assert "Bergmann &lt;Test&gt; &amp; Co" in page.html
    assert "<Test>" not in page.html


def test_only_the_first_charges_are_shown_and_it_says_so(empty_workspace: Workspace, open_page: Open) -> None:
    publish(empty_workspace.published_file, extra_charges=600)
    page = open_page("charges", by=strings.GROUPINGS["none"])
    table = page.table(strings.CHARGES)
    assert len(table.rows) == 250
    assert page.metrics[strings.CHARGE_COUNT] == "622"
    assert table.foot[0][7] == "14,420.34"  # 600 cents more than without them
    assert any("Showing first 250 of 622 charges" in caption.value for caption in page.at.caption)
    rows = rows_of_csv(page.downloads["chargehouse-charges-2025-10-all-groups.csv"]())
    assert len(rows) == 622
    assert sum(Decimal(row["billed_cost"]) for row in rows) == Decimal("14420.3375695")


def test_links_lead_to_the_charges_behind_a_number(workspace: Workspace, open_page: Open) -> None:
    page = open_page("charges")
    href = (
        'href="charges?period=October+2025&amp;service=Amazon+Simple+Storage+Service+%28AmazonS3%29'
        '&amp;by=Every+charge"'
    )
    assert href in page.html
    overview = open_page("overview")
    assert 'href="charges?period=October+2025&amp;group=Bergmann+Maschinenbau"' in overview.html


def test_shared_charges_name_their_rule(group_charges: Publication, open_page: Open) -> None:
    page = open_page("charges", by=strings.GROUPINGS["none"], search="shared-tools")
    table = page.table(strings.CHARGES)
    assert table.column(strings.TREATMENT) == ["Withheld\nSpread over groups as a shared cost"]
    assert table.column(strings.RULE) == ["shared-tools"]
    assert table.column(strings.AWS_COST) == ["1,000.00"]
    page.choose(by=strings.GROUPINGS["rule"], search="")
    rows = {row[0]: row[1] for row in page.table("Charges by pricing rule").rows}
    assert rows["shared-tools"] == "1"
    assert rows["acme-global-10"] == "6"


def test_commitments_of_the_month(publication: Publication, open_page: Open) -> None:
    page = open_page("commitments")
    assert page.metrics == {
        strings.COST: "USD 482.62",
        strings.USED: "USD 380.37",
        strings.UNUSED: "USD 102.25",
        strings.UTILIZATION: "78.81 %",
        strings.SAVINGS: "USD 137.38",
    }
    table = page.table(strings.COMMITMENTS_IN_MONTH)
    assert table.head == [
        strings.COMMITMENT, strings.OWNER, strings.BENEFIT, strings.COST, strings.USED, strings.UNUSED,
        strings.UTILIZATION, strings.LIST_VALUE, strings.SAVINGS,
    ]  # fmt: skip
    assert table.rows == [
        [
            *(
                "werk-mysql\nReservation · RDS · eu-central-1",
                "Bergmann Maschinenbau\nBergmann Werk Süd (012345678901)",
            ),
            *("\nBergmann Maschinenbau 29.75", "120.50", "40.25", "80.25", "33.40 %", "70.00", "-50.50"),
        ],
        [
            *("legacy-commitment-7\nReservation", "Hikari Systems\nHikari main (300000000001)"),
            *(strings.NOBODY, "12.00", "0.00", "12.00", "0.00 %", "0.00", "-12.00"),
        ],
        [
            *("1f0c2d3e…\nSavings Plan", "Acme Robotics\nAcme production (100000000001)"),
            *(
                "\nAcme Robotics 100.00\nHikari Systems 50.00",
                "260.00",
                "250.00",
                "10.00",
                "96.15 %",
                "400.00",
                "140.00",
            ),
        ],
        [
            *("5a1fb3c2…\nReservation · EC2 · us-east-1", f"{strings.NO_OWNER}\n111122223333"),
            *("\nAcme Robotics 40.00\nUnassigned accounts 19.88", "90.12", "90.12", "0.00", "100.00 %", "150.00"),
            "59.88",
        ],
    ]
    assert table.foot == [["Total", "", "", "482.62", "380.37", "102.25", "78.81 %", "620.00", "137.38"]]
    assert table.hints[3, 0] == PAYER_RESERVATION
    assert table.hints[3, table.head.index(strings.SAVINGS)] == "59.8765432109"
    assert 'style="width:33.40%"' in page.html


def test_commitments_are_sorted_as_the_reader_likes(publication: Publication, open_page: Open) -> None:
    page = open_page("commitments")
    page.choose(commitment_order=strings.COMMITMENT_SORTS["savings"])
    assert page.table(strings.COMMITMENTS_IN_MONTH).column(strings.SAVINGS) == ["140.00", "59.88", "-12.00", "-50.50"]
    by_address = open_page("commitments", commitment_order="Lowest utilization")
    assert by_address.table(strings.COMMITMENTS_IN_MONTH).column(strings.UTILIZATION)[0] == "0.00 %"


def test_commitments_of_one_group(publication: Publication, open_page: Open) -> None:
    page = open_page("commitments", group="Acme Robotics")
    assert page.metrics[strings.COST] == "USD 260.00"
    assert page.metrics[strings.BENEFIT_OF_GROUP] == "USD 140.00"
    rows = page.table(strings.COMMITMENTS_IN_MONTH).rows
    assert rows[0] == ["Owned by Acme Robotics", "260.00", "250.00", "10.00", "96.15 %", "400.00", "140.00"]
    assert rows[1][0].startswith("1f0c2d3e")
    assert rows[2][:2] == [f"{strings.OTHERS_COMMITMENTS}\n{strings.OTHERS_COMMITMENTS_NOTE}", "90.12"]
    assert rows[3][0].startswith("5a1fb3c2")
    assert len(rows) == 4
    assert [row[0] for row in page.table(strings.EACH_POLICY).rows] == ["Acme Robotics\nacme"]
    assert page.table(strings.EACH_POLICY).foot == []  # one group is its own sum
    # The choice of group stays, whatever the order.
    page.choose(commitment_order=strings.COMMITMENT_SORTS["cost"], group="Bergmann Maschinenbau")
    rows = page.table(strings.COMMITMENTS_IN_MONTH).rows
    assert [row[0].split("\n")[0] for row in rows] == ["Owned by Bergmann Maschinenbau", "werk-mysql"]


def test_long_lists_of_a_commitment_open_on_demand(empty_workspace: Workspace, open_page: Open) -> None:
    # A plan of the payer may serve hundreds of groups, and a table row is no place for them.
    publish(
        empty_workspace.published_file,
        change="update marts.fct_commitments set benefit_by_group = map_from_entries(list_transform("
        "range(1, 9), lambda n: {'k': 'group-' || n, 'v': cast(n as decimal(38, 10))})) "
        "where commitment_id = 'legacy-commitment-7'",
    )
    table = open_page("commitments").table(strings.COMMITMENTS_IN_MONTH)
    place = [row[0].split("\n")[0] for row in table.rows].index("legacy-commitment-7")
    assert table.rows[place][2].split("\n")[1:] == [f"group-{number} {number}.00" for number in (8, 7, 6, 5, 4)]
    assert table.opened[place] == [("group-3", "3.00"), ("group-2", "2.00"), ("group-1", "1.00")]


def test_a_split_over_many_accounts_is_read_in_the_workbook(empty_workspace: Workspace, open_page: Open) -> None:
    publish(
        empty_workspace.published_file,
        group_charges=True,
        change="insert into marts.fct_group_charges select * exclude (number) replace ("
        "lpad(cast(number as varchar), 12, '7') as sub_account_id, 0 as billed_cost) from marts.fct_group_charges "
        "cross join range(30) as numbers(number) where source_id = 'business' and weight = 6000",
    )
    table = open_page("invoices", invoice="Acme Robotics, Inc.").table(strings.INVOICE_LINES)
    names = [text.split("\n")[0] for text in table.column(strings.DESCRIPTION)]
    opened = table.opened[names.index("Support, business")]
    assert len(opened) == 2 + 20 + 1
    assert opened[-1] == ("12 more parts", strings.IN_THE_WORKBOOK)


def test_no_commitments_say_so(empty_workspace: Workspace, open_page: Open) -> None:
    publish(
        empty_workspace.published_file, change="delete from marts.fct_commitments where billing_period = '2025-10-01'"
    )
    page = open_page("commitments")
    assert [info.value for info in page.at.info] == [strings.NO_COMMITMENTS]
    assert not page.tables
    page.choose(period="September 2025", group="Bergmann Maschinenbau")
    assert [info.value for info in page.at.info] == [strings.NO_COMMITMENTS_OF_GROUP]


def test_the_month_under_each_policy(publication: Publication, open_page: Open) -> None:
    table = open_page("commitments").table(strings.EACH_POLICY)
    assert table.head[1:] == [strings.RATED_CHARGES, *strings.COMMITMENT_POLICIES.values()]
    in_force = strings.IN_FORCE
    assert table.rows == [
        [
            *("Acme Robotics\nacme", "10,724.35\nOn demand", f"10,724.35\n{in_force}"),
            *("10,694.35\n-30.00", "10,574.23\n-150.12"),
        ],
        [
            *("Bergmann Maschinenbau\nbergmann", "2,519.99\nPass-through", "2,549.74\n+29.75"),
            *("2,640.49\n+120.50", f"2,519.99\n{in_force}"),
        ],
        [
            *("Hikari Systems\nhikari", "1,128.01\nOwner's group", "1,140.01\n+12.00"),
            *(f"1,128.01\n{in_force}", "1,090.01\n-38.00"),
        ],
    ]
    assert table.foot == [["Total", "14,372.35", "14,414.10\n+41.75", "14,462.85\n+90.50", "14,184.23\n-188.12"]]
    assert table.hints[0, 4] == "-150.123456"
    assert table.helps[-1] == strings.COMMITMENT_POLICIES_HELP["pass_through"]


def test_commitment_downloads(publication: Publication, open_page: Open) -> None:
    page = open_page("commitments")
    rows = rows_of_csv(page.downloads["chargehouse-commitments-2025-10-all-groups.csv"]())
    assert [row["commitment_id"] for row in rows][:2] == [
        "arn:aws:rds:eu-central-1:012345678901:ri:werk-mysql",
        "legacy-commitment-7",
    ]
    assert rows[3]["benefit_by_group"] == "acme 40.0000000000; UNASSIGNED 19.8765432109"
    assert rows[3]["savings"] == "59.8765432109"
    assert rows[1]["benefit_by_group"] == ""
    workbook = load_workbook(io.BytesIO(page.downloads["chargehouse-commitments-2025-10-all-groups.xlsx"]()))
    assert workbook.sheetnames == [strings.COMMITMENTS, "Benefits", "About"]
    head, *benefits = workbook["Benefits"].iter_rows(values_only=True)
    assert sum(Decimal(str(row[head.index("benefit")])) for row in benefits) == Decimal("239.6265432109")
    policies = rows_of_csv(page.downloads["chargehouse-commitment-policies-2025-10-all-groups.csv"]())
    assert len(policies) == 9
    assert {row["policy"] for row in policies if row["is_applied"] == "true"} == set(strings.COMMITMENT_POLICIES)
    page.choose(group="Acme Robotics")
    rows = rows_of_csv(page.downloads["chargehouse-commitments-2025-10-acme-robotics.csv"]())
    assert [row["owner_billing_group_id"] for row in rows] == ["acme", ""]


def test_quality_says_what_to_do_about_shared_costs(group_charges: Publication, open_page: Open) -> None:
    page = open_page("quality")
    rows = page.table(strings.OPEN_PROBLEMS).rows
    shown = [row[0] for row in rows]
    for problem in ("shared_cost_not_spread", "split_equally"):
        assert f"{strings.PROBLEMS[problem]} (1)\nFinance: {strings.PROBLEM_REMEDIES[problem]}" in shown
    assert "search=sandbox" in page.html  # leads to the charges that nobody bears
    audit = rows[shown.index("audit\nThe weights sum to zero")]
    assert audit[1:] == [strings.ALL_GROUPS, "–", "2025-10", "–", "0", "90.50"]
    page.choose(group="Acme Robotics")
    assert "audit\nThe weights sum to zero" in [row[0] for row in page.table(strings.OPEN_PROBLEMS).rows]


def test_quality_lists_problems_with_their_money(publication: Publication, open_page: Open) -> None:
    page = open_page("quality")
    assert page.metrics == {
        strings.OPEN_PROBLEMS: "5",
        strings.PAYERS_WITH_RESIDUAL: "0",
        strings.CHECKS_FAILED: "2",
        strings.CHECKS_PASSED: "4",
    }
    rows = page.table(strings.OPEN_PROBLEMS).rows
    # Headings and problems by turns: the most money first, what only time mends last.
    assert [(row[0].splitlines()[0], row[-1]) for row in rows] == [
        ("Missing exchange rate (1)", "874.32"),
        ("JPY", "874.32"),
        ("Account in no billing group (1)", "68.64"),
        ("900000000009", "68.64"),
        ("Unknown kind of charge (1)", "4.20"),
        ("MysteryFee", "4.20"),
        ("Unreadable value (1)", "1.10"),
        ("line_item_usage_amount", "1.10"),
        ("Month not final (1)", "318.44"),
        ("100000000001", "318.44"),
    ]
    assert rows[2][0].endswith(f"Finance: {strings.PROBLEM_REMEDIES['unassigned_account']}")
    # The row to add, its file, and since when it lacks.
    assert rows[3][3:5] == ["2025-09", "900000000009,BILLING_GROUP_ID,2025-10-01,\naccount_assignments.csv"]
    assert [block.value for block in page.at.code] == [
        "2025-10,USD,JPY,RATE,SOURCE",
        "900000000009,BILLING_GROUP_ID,2025-10-01,",
    ]
    (file,) = [name for name in page.downloads if "open-problems" in name and name.endswith(".csv")]
    (downloaded,) = [row for row in rows_of_csv(page.downloads[file]()) if row["problem"] == "missing_fx_rate"]
    assert (downloaded["amount_at_stake"], downloaded["since"]) == ("874.32", "2025-10-01")
    assert [success.value for success in page.at.success] == [strings.RESIDUAL_ZERO]
    page.choose(group="Acme Robotics")
    assert page.metrics[strings.OPEN_PROBLEMS] == "2"


def test_a_residual_is_shown_to_the_last_digit(empty_workspace: Workspace, open_page: Open) -> None:
    publish(empty_workspace.published_file, residual=Decimal("0.0000000001"))
    page = open_page("quality")
    (error,) = page.at.error
    assert error.value == f"**000055556666** {strings.RESIDUAL_NOT_ZERO}"
    table = page.table(strings.RECONCILIATION)
    residuals = [row[-1] for row in table.rows if len(row) == len(table.head)]
    assert residuals == ["0.0000000001"] * 4 + ["0.00"] * 4
    assert page.metrics[strings.PAYERS_WITH_RESIDUAL] == "1"


def test_reconciliation_says_where_the_cost_went(workspace: Workspace, open_page: Open) -> None:
    rows = open_page("quality").table(strings.RECONCILIATION).rows
    assert rows[:5] == [
        ["Payer 000055556666"],
        ["Delivered by AWS", "2,558.6913", "0.00"],
        ["Billed to groups", "2,667.5913", "0.00"],
        ["Withheld, with a reason", "-110.00", "0.00"],
        ["Unrated, waiting", "1.10", "0.00"],
    ]


def test_close_shows_every_stage_and_gives_the_certificate(workspace: Workspace, open_page: Open) -> None:
    page = open_page("close")
    page.choose(period="September 2025")
    assert [success.value for success in page.at.success] == [closing_strings.IN_BALANCE]
    assert page.table(closing_strings.PAYERS).column(closing_strings.PAYER) == ["000055556666", "111122223333"]
    stages = page.table(closing_strings.STAGES)
    assert [row[:2] for row in stages.rows if row[0] == "Invoice total"] == [
        ["Invoice total", "EUR"], ["Invoice total", "JPY"], ["Invoice total", "USD"],
    ]  # fmt: skip
    assert set(stages.column(closing_strings.RESIDUAL)) == {"0.00"}
    invoices = page.table(closing_strings.AWS_INVOICES)
    assert invoices.column(closing_strings.WHY) == ["rounding", "unexplained"]
    assert invoices.column(closing_strings.PRINTED) == ["100.00\nUSD", "55.00\nUSD"]
    assert invoices.column(closing_strings.UNEXPLAINED) == ["0.00", "5.00"]
    # G66: EC2 of the report is two services of AWS's invoice; a service without money is none.
    assert [row[:2] + row[-1:] for row in page.table(closing_strings.SERVICES).rows[1:]] == [
        ["AWSDataTransfer", "AmazonEC2", "30.00"], ["AmazonEC2", "AmazonEC2", "69.996"],
    ]  # fmt: skip
    assert page.downloads["chargehouse-close-certificate-2025-09.pdf"]().startswith(b"%PDF-")
    markdown = page.downloads["chargehouse-close-certificate-2025-09.md"]().decode("utf-8")
    assert "**In balance: every residual is 0 to the last decimal**" in markdown
    assert "c" * 64 in markdown


def test_close_names_what_does_not_tie(empty_workspace: Workspace, open_page: Open) -> None:
    publish(empty_workspace.published_file, residual=Decimal("-0.0000000001"))
    page = open_page("close")
    (error,) = page.at.error
    assert "Payer 000055556666: AWS total and charges differ by -0.0000000001 USD." in error.value
    assert "Group acme, stage tax: 0.000000000000000000000001 USD does not tie." in error.value
    assert not page.at.success
    assert "NOT IN BALANCE" in page.downloads["chargehouse-close-certificate-2025-10.md"]().decode("utf-8")


def test_deliveries_that_are_gone_are_not_compared(empty_workspace: Workspace, open_page: Open) -> None:
    publish(
        empty_workspace.published_file,
        change="update marts.dim_deliveries set is_billed = true where status = 'superseded'",
    )
    empty_workspace.landing.mkdir(parents=True)
    page = open_page("deliveries")
    assert page.at.selectbox(key="deliveries_payer").value == ("111122223333", "chargehouse-cur2")
    assert page.at.selectbox(key="deliveries_later").value == "20251104T041500Z"
    assert page.at.selectbox(key="deliveries_earlier").value in ("20251102T041500Z", "20251015T041500Z")
    page.at.button(key="deliveries_compare").click().run()
    _asked, comparison = page.at.session_state["comparison_work"]
    assert comparison.wait(30)
    page.at.run()
    (error,) = page.at.error
    assert "are gone from the landing" in error.value
    page.choose(period="September 2025")
    assert closing_strings.ONLY_ONE in [info.value for info in page.at.info]


def test_checks_show_failures_first_and_the_rest_on_request(workspace: Workspace, open_page: Open) -> None:
    page = open_page("quality")
    assert [row[0] for row in page.table(strings.CHECKS).rows] == [
        "What AWS delivered\n2 of 3 passed",
        "Every value can be read\nWhat readable means.",
        "What was worked out\n2 of 3 passed",
        "Billed cost is base x factor\nWhat factors means.",
    ]
    table = page.table(strings.CHECKS)
    assert table.rows[-1][2] == "Operator of deliveries\nWhat to do about factors."
    # Rows that fail stand beneath their check, and how many there are beside those.
    assert list(table.opened.values()) == [
        [("000055556666 2025-10", "unreadable rows 2")],
        [
            ("2025-10-01 acme AmazonEC2", "1.00 x 1.10 is not 1.20"),
            ("2025-10-01 acme AmazonS3", "2.00 x 1.10 is not 2.30"),
        ],
    ]
    assert "2 of 30 rows that fail" in page.html
    page.at.toggle(key="passed").set_value(True).run()
    rows = page.checked().table(strings.CHECKS).rows
    assert len(rows) == 8
    assert [row[-1] for row in rows if len(row) > 1] == [
        "Failed\nWarning", "Passed", "Passed", "Failed\nStops publishing", "Passed", "Passed",
    ]  # fmt: skip


def test_a_run_that_published_nothing_is_told_with_its_checks(own_workspace: Workspace, open_page: Open) -> None:
    shutil.copyfile(own_workspace.published_file, own_workspace.failed_checks_file)
    page = open_page("quality")
    assert [error.value for error in page.at.error] == [quality_strings.BLOCKED.format(count="1 critical check")]
    rows = page.table(quality_strings.BLOCKED_CHECKS).rows
    assert [row[0] for row in rows] == ["Billed cost is base x factor\nWhat factors means."]


def test_late_deliveries_are_told(empty_workspace: Workspace, open_page: Open) -> None:
    publish(
        empty_workspace.published_file,
        change="insert into marts.fct_expected_deliveries values "
        "('000055556666', date '2025-11-01', 'month', timestamp '2025-11-05 00:00'), "
        "('000055556666', date '2025-10-01', 'delivery', timestamp '2099-11-05 00:00')",
    )
    (warning,) = open_page("quality").at.warning
    assert "Nothing of 2025-11 has arrived from payer 000055556666" in warning.value


def test_the_report_of_great_expectations_is_shown_and_offered(own_workspace: Workspace, open_page: Open) -> None:
    assert quality_strings.NO_REPORT in [info.value for info in open_page("quality").at.info]
    folder = data_docs_folder(own_workspace.warehouse)
    folder.mkdir(parents=True)
    for suite in ("deliveries", "cur_line_items"):
        (folder / f"{suite}.html").write_text(f"<p>{suite}</p>")
    page = open_page("quality").choose(quality_suite="cur_line_items")
    assert page.downloads["great-expectations-cur_line_items.html"]() == b"<p>cur_line_items</p>"


def test_a_clean_month_says_so(empty_workspace: Workspace, open_page: Open) -> None:
    publish(
        empty_workspace.published_file,
        change="delete from marts.fct_open_problems; delete from marts.fct_check_results; "
        "delete from marts.fct_reconciliation",
    )
    page = open_page("quality")
    assert [success.value for success in page.at.success] == [strings.NO_OPEN_PROBLEMS]
    assert [info.value for info in page.at.info] == [
        strings.NO_RECONCILIATION,
        strings.NO_CHECKS,
        quality_strings.NO_REPORT,
    ]


def test_quality_hands_out_the_data_dictionary(own_workspace: Workspace, open_page: Open) -> None:
    page = open_page("quality")
    assert strings.DATA_DICTIONARY_MISSING in [caption.value for caption in page.at.caption]
    assert own_workspace.data_dictionary.name not in page.downloads
    own_workspace.data_dictionary.write_text("<p>tables</p>", encoding="utf-8")
    page = open_page("quality")
    assert page.downloads[own_workspace.data_dictionary.name]() == b"<p>tables</p>"


def test_deliveries(workspace: Workspace, open_page: Open) -> None:
    page = open_page("deliveries")
    assert page.metrics == {strings.CURRENT: "2", strings.SUPERSEDED: "2", strings.REJECTED: "1"}
    table = page.table(strings.DELIVERIES)
    assert table.column(strings.STATUS)[0].startswith("Rejected\nFile 2 of 3 is truncated")
    assert table.column(strings.PAYER_AND_EXPORT)[:2] == [
        "000055556666\nchargehouse-cur2",  # never read
        "000055556666\nchargehouse-cur2 · Legacy CUR, CSV",
    ]
    assert table.column(strings.FINAL) == ["–", "Final", "Not final\n7 rows, USD 318.44 open", "–", "Final"]
    assert table.column(strings.COST_USD) == ["–", "2,558.69", "11,231.93", "–", "9,800.11"]
    assert table.column(strings.ROUNDED_AT_EDGE) == ["–", "0", "214\n0.00000000031415926535", "–", "0"]
    assert table.helps[table.head.index(strings.COST_USD)] == "Sum of the delivery's unblended cost, in USD."
    page.at.toggle(key="all_periods").set_value(True).run()
    assert page.checked().metrics[strings.CURRENT] == "4"
    rows = rows_of_csv(page.downloads["chargehouse-deliveries.csv"]())
    assert len(rows) == 7
    assert {row["excess_decimal_sum"] for row in rows} >= {"0.00000000031415926535"}


def test_no_delivery_in_the_period(empty_workspace: Workspace, open_page: Open) -> None:
    publish(empty_workspace.published_file, change="delete from marts.dim_deliveries")
    page = open_page("deliveries")
    assert [info.value for info in page.at.info] == [strings.NO_DELIVERIES]


def test_an_address_with_a_choice_that_is_gone_still_opens(workspace: Workspace, open_page: Open) -> None:
    # A bookmark from last year, or a group that was renamed.
    page = open_page("overview", period="March 2019", group="Renamed Ltd")
    assert page.metrics[strings.BILLED] == "USD 14,372.35"


def test_a_new_publication_is_seen_at_the_next_click(own_workspace: Workspace, open_page: Open) -> None:
    page = open_page("overview", group="Acme Robotics")
    assert page.metrics[strings.BILLED] == "USD 10,724.35"
    publish(own_workspace.published_file, october_scale="2", finished_at=datetime(2025, 11, 5, 9, 30))
    page.at.run()
    assert page.checked().metrics[strings.BILLED] == "USD 19,498.83"
    assert f"{strings.DATA_AS_OF} 5 Nov 2025, 09:30 UTC" in page.html


def test_a_publication_in_the_middle_of_a_page_starts_the_page_over(
    own_workspace: Workspace, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The headline of one run above the groups of the next would not add up.
    group_summaries = queries.group_summaries
    published: list[bool] = []

    def publish_first(publication: Publication, *args: object) -> object:
        if not published:
            published.append(True)
            publish(own_workspace.published_file, october_scale="2")
            # What another reader's page does at this moment.
            queries.billing_periods(Publication.at(own_workspace.published_file))
        return group_summaries(publication, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(queries, "group_summaries", publish_first)
    page = open_page("overview", group="Acme Robotics")
    assert published
    assert page.metrics[strings.BILLED] == "USD 19,498.83"
    assert page.table(strings.BY_GROUP).foot[0][1] == "19,498.83"
    assert page.table(strings.BY_GROUP).rows[0][1] == "19,498.83"


def test_groups_of_the_same_name_can_be_told_apart(empty_workspace: Workspace, open_page: Open) -> None:
    publish(
        empty_workspace.published_file,
        change="update marts.dim_billing_groups set billing_group_name = 'Same' "
        "where billing_group_id in ('acme', 'hikari')",
    )
    page = open_page("overview")
    assert page.at.selectbox(key="group").options[1:] == [
        "Bergmann Maschinenbau", "Same (acme)", "Same (hikari)", "Unassigned accounts",
    ]  # fmt: skip
    page.choose(group="Same (hikari)")
    assert page.metrics[strings.BILLED] == "USD 1,128.01"


def test_screen_and_mart_agree_in_every_month_and_group(publication: Publication, open_page: Open) -> None:
    page = open_page("overview")
    for period in (SEPTEMBER, OCTOBER):
        for group in queries.billing_groups(publication):
            page.choose(period=strings.month(period), group=group.billing_group_name)
            (summary,) = queries.group_summaries(publication, period, group.billing_group_id)
            shown = Decimal(page.metrics[strings.BILLED].removeprefix("USD ").replace(",", ""))
            assert abs(shown - summary.billed_cost) <= Decimal("0.005")


@pytest.mark.parametrize("name", PAGES)
def test_texts_that_are_missing_do_not_break_a_page(name: str, empty_workspace: Workspace, open_page: Open) -> None:
    # Marts name what AWS named; not everything has a name.
    changes = [
        *(
            f"update marts.fct_charges set {column} = null"
            for column in (
                *("region_id", "usage_type", "operation", "usage_unit", "usage_quantity", "pricing_rule_id"),
                *("treatment_reason", "service_name", "commitment_id", "charge_date", "billing_entity"),
            )
        ),
        *(f"update marts.fct_open_problems set {column} = null" for column in ("subject", "detail", "row_count")),
        *(f"update marts.fct_check_results set {column} = null" for column in ("subject", "severity", "detail")),
        *(f"update marts.fct_invoice_lines set {column} = null" for column in ("description", "service_name")),
        "update marts.fct_invoices set open_problems = null, fx_source = null, customer_name = null",
        *(
            f"update marts.fct_commitments set {column} = null"
            for column in ("owner_account_id", "owner_billing_group_id", "utilization_percentage", "benefit_by_group")
        ),
        *(
            f"update marts.fct_group_charges set {column} = null"
            for column in ("description", "base_amount", "percentage", "weight", "weight_total", "committed_amount")
        ),
        "update marts.dim_deliveries set reason = null, discount_mode = null, is_billed = null, landed_at = null",
        "update marts.fct_runs set finished_at = null",
        "delete from marts.dim_services",
        "delete from marts.dim_accounts",
        "delete from marts.dim_customers",
    ]
    publish(empty_workspace.published_file, group_charges=True, change=";".join(changes))
    page = open_page(name)
    if name == "charges":
        for grouping in strings.GROUPINGS.values():
            page.choose(by=grouping)
    assert f"{strings.DATA_AS_OF} unknown" in page.html

"""The pages Budgets and Anomalies."""

import csv
import io
from collections.abc import Callable

import pytest
from dashboard_page import Page
from publication_fixture import publish

from dashboards import cost_watch_strings as words
from dashboards import strings
from orchestration.settings import Workspace

Open = Callable[..., Page]

BUDGETS = """
    insert into marts.fct_budgets values
    ('2025-10-01', 'acme-cap', 'acme', 'Acme Robotics', 'billed', 'USD', 2, 5000, 1, 5200.5, -200.5, 104.01, true,
     '2025-10-20', 8100.25, 162.01, '80|100', '80|100', 'exceeded'),
    ('2025-10-01', 'bergmann-cap', 'bergmann', 'Bergmann', 'aws_cost', 'EUR', 2, 9000, 0.9, 100, 8900, 1.11, true,
     '2025-10-01', null, null, '', '', 'within'),
    ('2025-10-01', 'hikari-cap', 'hikari', 'Hikari', 'billed', 'JPY', 0, 1000000, null, null, null, null, false, null,
     null, null, '50', '', 'missing_fx_rate'),
    ('2025-09-01', 'acme-cap', 'acme', 'Acme Robotics', 'billed', 'USD', 2, 5000, 1, 4100, 900, 82, false, null, 4100,
     82, '80|100', '80', 'threshold_reached')
"""
ANOMALIES = """
    insert into marts.dim_cost_histories values ('2025-10-01', 61), ('2025-09-01', 3);
    insert into marts.fct_cost_anomalies values
    ('2025-10-01', 1, 'acme', 'AmazonEC2', '2025-10-03', '2025-10-04', 2, 'rise', 912.3456789012, 300, 612.3456789012,
     17.25),
    ('2025-10-01', 2, 'bergmann', 'AmazonS3', '2025-10-09', '2025-10-09', 1, 'drop', 0, 41.5, -41.5, -6.10);
    insert into marts.fct_cost_anomaly_causes values
    ('2025-10-01', 1, 1, '100000000001', 'BoxUsage:p5.48xlarge', 'us-east-1', 650, 600),
    ('2025-10-01', 1, 2, '100000000002', 'DataTransfer-Out-Bytes', '', 20, 12.3456789012);
"""


@pytest.fixture
def watched(empty_workspace: Workspace) -> Workspace:
    publish(empty_workspace.published_file, change=BUDGETS + ";" + ANOMALIES)
    return empty_workspace


def rows_of_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_budgets_say_what_was_spent_and_what_is_to_come(watched: Workspace, open_page: Open) -> None:
    page = open_page("budgets")
    table = page.table(words.BUDGETS)
    assert table.column(words.BUDGET) == [
        "acme-cap\nBilled cost",
        "bergmann-cap\nAWS cost",
        "hikari-cap\nBilled cost",
    ]
    assert table.column(strings.STATE) == ["Exceeded", "Within", "Exchange rate missing"]
    assert table.column(words.BUDGETED) == ["5,000.00", "9,000.00", "1,000,000"]
    assert table.column(words.SPENT) == ["5,200.50\n104.01 %", "100.00\n1.11 %", "–"]
    assert table.column(words.LEFT) == ["-200.50", "8,900.00", "–"]
    assert table.column(words.FORECAST) == [
        "8,100.25\n162.01 % · delivered up to 20 Oct 2025",
        "too early to say\ndelivered up to 1 Oct 2025",
        "–\nmonth complete",
    ]
    assert table.column(words.THRESHOLDS) == [
        "80 %, 100 % reached\nof 80 %, 100 %",
        "none reached",
        "none reached\nof 50 %",
    ]
    rows = rows_of_csv(page.downloads["chargehouse-budgets.csv"]())
    assert [row["billing_period"] for row in rows].count("2025-09-01") == 1
    assert len(rows) == 4
    page.choose(group="Acme Robotics")
    assert [row[0] for row in page.table(words.BUDGETS).rows] == ["acme-cap\nBilled cost"]


def test_a_month_without_budgets_says_where_they_stand(workspace: Workspace, open_page: Open) -> None:
    assert [info.value for info in open_page("budgets").at.info] == [words.NO_BUDGETS]


def test_anomalies_name_what_moved(watched: Workspace, open_page: Open) -> None:
    page = open_page("anomalies")
    table = page.table(words.ANOMALIES)
    assert table.column(words.DAYS) == ["3 Oct 2025 to 4 Oct 2025", "9 Oct 2025"]
    assert table.column(strings.SERVICE)[0] == "Amazon Elastic Compute Cloud\nAcme Robotics"
    assert table.column(words.COST) == ["912.35", "0.00"]
    assert table.column(words.USUAL_COST) == ["300.00", "41.50"]
    assert table.column(words.IMPACT) == ["+612.35\nMore than usual", "-41.50\nLess than usual"]
    assert table.column(words.CAUSE)[0].startswith(
        "Acme production (100000000001) · BoxUsage:p5.48xlarge · us-east-1\nUSD +600.00"
    )
    assert table.column(words.CAUSE)[1] == "–"
    assert table.opened[0][1] == (
        "Acme data lake (100000000002) · DataTransfer-Out-Bytes · no region",
        "USD +12.35",
    )
    assert "charges?period=October+2025&amp;group=Acme+Robotics&amp;service=Amazon+Elastic" in page.html
    rows = rows_of_csv(page.downloads["chargehouse-anomalies.csv"]())
    assert [row["cause_usage_type"] for row in rows] == ["BoxUsage:p5.48xlarge", "DataTransfer-Out-Bytes", ""]
    assert rows[0]["impact"] == "612.3456789012"


def test_anomalies_say_when_there_is_too_little_to_go_by(watched: Workspace, open_page: Open) -> None:
    page = open_page("anomalies", period="September 2025")
    assert [info.value for info in page.at.info] == [words.too_little_history(3, 28)]
    assert [success.value for success in page.at.success] == [words.NO_ANOMALIES]


def test_a_month_that_was_not_looked_through_says_so(workspace: Workspace, open_page: Open) -> None:
    assert [info.value for info in open_page("anomalies").at.info] == [words.NOT_LOOKED_THROUGH]

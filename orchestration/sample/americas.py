"""The first payer: Brightwater's American customers, delivered as legacy CUR (CSV).

What is here: Brightwater Cloud Partners resells AWS to a US retailer (Lumen) and a US health company
(Harbor); all of them are invented. One account moves from Lumen to Harbor on 2026-09-16, one is forgotten in
no group. One runs what all customers share: in no group in August, in Brightwater's internal group from then on.
When to add here: a workload, purchase, discount, credit or refund of these accounts.
What does not belong here: what anyone is charged; that is the configuration in ``billing/*.csv``.

Months from 2026-08 to 2026-10 have the one-off events; any other month has the workloads alone.
"""

from datetime import datetime

from orchestration.sample import catalogue
from orchestration.sample.facts import DiscountKind, LineItemType
from orchestration.sample.fixed_point import ONE, units
from orchestration.sample.story import (
    USAGE,
    USAGE_AND_COMMITMENTS,
    Cluster,
    DiscountTerm,
    Fleet,
    OneOff,
    Payer,
    Stream,
    Subscription,
    SupportPlan,
    bucket,
    reservation,
    savings_plan,
    tags,
)

__all__ = ["AMERICAS"]

_AMERICAS_PAYER = "318204765091"
_LUMEN_WEB = "042917365208"  # A leading zero: account ids are text.
_LUMEN_DATA = "527310984466"
_LUMEN_KIOSKS = "663508217749"  # Sold to Harbor on 2026-09-16, with everything it owns.
_HARBOR_CLINICS = "739182640557"
_HARBOR_ANALYTICS = "804416329871"
_OLD_SANDBOX = "915562038844"  # In no billing group: forgotten by everybody but AWS.
_SHARED = "118620573948"  # Its cost is spread over the customers (G1).


def _payer() -> Payer:
    east, west = "us-east-1", "us-west-2"
    m5_east = catalogue.instance("m5.xlarge", east)
    c5_east = catalogue.instance("c5.large", east)
    t3_west = catalogue.instance("t3.medium", west)
    database = catalogue.database(east)
    web, data, kiosks = (
        tags("storefront", "production", "LR-100"),
        tags("data", "production", "LR-220"),
        tags("kiosks", "production", "LR-310"),
    )
    clinics, analytics = tags("clinics", "production", "HH-1"), tags("analytics", "production", "HH-2")
    return Payer(
        account_id=_AMERICAS_PAYER,
        name="Brightwater Americas",
        export_name="americas-hourly",
        folder="brightwater-americas/cur",
        bucket="brightwater-americas-billing",
        seller="Amazon Web Services, Inc.",
        tax_type="USSalesTax",
        account_names={
            _AMERICAS_PAYER: "Brightwater Americas",
            _LUMEN_WEB: "lumen-web",
            _LUMEN_DATA: "lumen-data",
            _LUMEN_KIOSKS: "lumen-kiosks",
            _HARBOR_CLINICS: "harbor-clinics",
            _HARBOR_ANALYTICS: "harbor-analytics",
            _OLD_SANDBOX: "old-sandbox",
            _SHARED: "brightwater-shared",
        },
        tax_rates={_LUMEN_WEB: 6_25, _LUMEN_DATA: 6_25, _LUMEN_KIOSKS: 8_10, _HARBOR_ANALYTICS: 4_00, _SHARED: 6_25},
        fleets=(
            Fleet(_LUMEN_WEB, m5_east, 2, tags=web, cost_category="Retail"),
            Fleet(_LUMEN_WEB, c5_east, 2, "office", tags=web, cost_category="Retail"),
            Fleet(_LUMEN_DATA, m5_east, 1, tags=data, cost_category="Retail"),
            Fleet(_LUMEN_DATA, database, 1, tags=data, cost_category="Retail"),
            Fleet(_LUMEN_KIOSKS, t3_west, 2, tags=kiosks),
            Fleet(
                _LUMEN_KIOSKS,
                catalogue.spot_instance("c5.xlarge", east),
                1,
                "office",
                tags={"user:team": "kiosks"},
                spot_price=units("0.0712000000"),
            ),
            Fleet(_HARBOR_CLINICS, m5_east, 2, tags=clinics, cost_category="Health"),
            Fleet(_HARBOR_CLINICS, database, 2, tags=clinics, cost_category="Health"),
            Fleet(_HARBOR_ANALYTICS, c5_east, 2, tags=analytics, cost_category="Health"),
            Fleet(_HARBOR_ANALYTICS, t3_west, 1, tags=analytics, cost_category="Health"),
            Fleet(_HARBOR_ANALYTICS, m5_east, 1, "nightly", tags=analytics, cost_category="Health"),
            Fleet(_OLD_SANDBOX, t3_west, 1, "office"),
            Fleet(_AMERICAS_PAYER, t3_west, 1, tags={"user:team": "platform"}),
            Fleet(_SHARED, t3_west, 1, "office", tags={"user:team": "platform"}),
        ),
        streams=(
            Stream(
                _LUMEN_WEB,
                catalogue.object_storage(east),
                38 * ONE,
                44 * ONE,
                resource=bucket("lumen-shop-media", "storefront"),
            ),
            Stream(
                _LUMEN_WEB,
                catalogue.object_requests(east),
                90_000 * ONE,
                240_000 * ONE,
                ONE,
                resource=bucket("lumen-shop-media", "storefront"),
            ),
            Stream(_LUMEN_WEB, catalogue.cdn_transfer("US"), 40 * ONE, 90 * ONE),
            Stream(_LUMEN_DATA, catalogue.cdn_transfer("US"), 10 * ONE, 30 * ONE),
            Stream(_LUMEN_KIOSKS, catalogue.cdn_transfer("US"), 5 * ONE, 25 * ONE),
            Stream(_LUMEN_WEB, catalogue.internet_transfer(east), 6 * ONE, 14 * ONE, free=100 * ONE),
            Stream(
                _LUMEN_WEB,
                catalogue.function_requests(east),
                20_000 * ONE,
                60_000 * ONE,
                ONE,
                free=1_000_000 * ONE,
            ),
            Stream(
                _LUMEN_WEB,
                catalogue.function_compute(east),
                9_000 * ONE,
                19_000 * ONE,
                10**7,
                free=400_000 * ONE,
            ),
            Stream(_LUMEN_WEB, catalogue.bundled_firewall(east), ONE, 2 * ONE, 10**8),
            Stream(_LUMEN_WEB, catalogue.marketplace_usage(east), 15 * ONE, 40 * ONE, 10**6),
            Stream(_LUMEN_DATA, catalogue.block_storage(east), 16 * ONE, 17 * ONE),
            Stream(_LUMEN_DATA, catalogue.metrics(east), ONE, 3 * ONE),
            Stream(_LUMEN_KIOSKS, catalogue.block_storage(west), 3 * ONE, 4 * ONE),
            Stream(
                _LUMEN_KIOSKS,
                catalogue.object_storage(east),
                2 * ONE,
                3 * ONE,
                resource=bucket("lumen-kiosk-logs", "kiosks"),
            ),
            Stream(
                _LUMEN_KIOSKS,
                catalogue.function_requests(east),
                30_000 * ONE,
                50_000 * ONE,
                ONE,
                free=1_000_000 * ONE,
            ),
            Stream(_HARBOR_CLINICS, catalogue.block_storage(east), 20 * ONE, 22 * ONE),
            Stream(_HARBOR_CLINICS, catalogue.internet_transfer(east), 8 * ONE, 20 * ONE, free=100 * ONE),
            Stream(_HARBOR_CLINICS, catalogue.hosted_zone(), ONE // 4, ONE // 4, ONE // 4),
            Stream(
                _HARBOR_ANALYTICS,
                catalogue.object_storage(east),
                60 * ONE,
                80 * ONE,
                resource=bucket("harbor-lake", "analytics"),
            ),
            Stream(
                _HARBOR_ANALYTICS,
                catalogue.object_requests(east),
                30_000 * ONE,
                50_000 * ONE,
                ONE,
            ),
            Stream(
                _HARBOR_ANALYTICS,
                catalogue.function_compute(east),
                20_000 * ONE,
                30_000 * ONE,
                10**7,
                free=400_000 * ONE,
            ),
            Stream(_HARBOR_ANALYTICS, catalogue.metrics(east), 2 * ONE, 4 * ONE),
            Stream(_OLD_SANDBOX, catalogue.object_storage(east), ONE, 2 * ONE),
            Stream(_AMERICAS_PAYER, catalogue.metrics(east), ONE // 2, ONE),
            Stream(_SHARED, catalogue.metrics(east), 3 * ONE, 6 * ONE),
            Stream(_SHARED, catalogue.internet_transfer(west), 20 * ONE, 40 * ONE, free=100 * ONE),
        ),
        reservations=(
            # Held by the payer, which is in no group: nobody's benefit but the reseller's.
            reservation(
                f"arn:aws:ec2:{east}:{_AMERICAS_PAYER}:reserved-instances/5a1fb3c2-77f0-4a63-9c0b-2f8e1d6a9b10",
                m5_east,
                2,
                "0.0580000000",
                "500.00",
                datetime(2026, 3, 4, 9),
                "Partial Upfront",
                "1650110021",
            ),
            reservation(
                f"arn:aws:rds:{east}:{_HARBOR_CLINICS}:ri:clinics-mysql-2026",
                database,
                4,
                "0.1560000000",
                "0.00",
                datetime(2026, 1, 12, 15),
                "No Upfront",
                "1650110377",
            ),
            # Bought all upfront on 2026-08-05, so its Fee row stands in August; moves to Harbor with its
            # owner.
            reservation(
                f"arn:aws:ec2:{west}:{_LUMEN_KIOSKS}:reserved-instances/c07d44e9-1b52-4f0e-8d2a-94b6e7c3f5a8",
                t3_west,
                3,
                "0.0000000000",
                "215.40",
                datetime(2026, 8, 5, 10),
                "All Upfront",
                "1650111903",
            ),
        ),
        savings_plans=(
            savings_plan(
                f"arn:aws:savingsplans::{_AMERICAS_PAYER}:savingsplan/e2b9d1f4-0c37-4b85-a6d8-71f3c95e2046",
                "0.3000000000",
                "0.00",
                datetime(2026, 2, 1),
                "No Upfront",
            ),
            # Bought on 2026-09-10: the upfront fee stands in September, the commitment begins that day.
            savings_plan(
                f"arn:aws:savingsplans::{_HARBOR_ANALYTICS}:savingsplan/9d6c2e80-3f4a-4c1b-b7e5-08a1d2f693bc",
                "0.1100000000",
                "914.00",
                datetime(2026, 9, 10, 13),
                "Partial Upfront",
            ),
        ),
        one_offs=(
            OneOff(
                "2026-08",
                _LUMEN_WEB,
                LineItemType.FEE,
                catalogue.event_pass(),
                units("4198.00"),
                datetime(2026, 11, 30),
                datetime(2026, 12, 5),
                "Full conference pass",
                "Purchase",
                2 * ONE,
            ),
            OneOff(
                "2026-08",
                _LUMEN_DATA,
                LineItemType.FEE,
                catalogue.domain_registration("com", "14.00"),
                units("14.00"),
                datetime(2026, 7, 30, 17),
                datetime(2027, 7, 30, 17),
                "Registration of lumen-data.example",
                "Purchase",
            ),
            # Registered by the account that moves, for use next year: clamped to the period's last day it is
            # Harbor's.
            OneOff(
                "2026-09",
                _LUMEN_KIOSKS,
                LineItemType.FEE,
                catalogue.domain_registration("org", "15.00"),
                units("15.00"),
                datetime(2027, 2, 1),
                datetime(2028, 2, 1),
                "Registration of kiosk-clinic.example",
                "Purchase",
            ),
            OneOff(
                "2026-09",
                _HARBOR_CLINICS,
                LineItemType.FEE,
                catalogue.marketplace_contract(),
                units("1200.00"),
                datetime(2026, 9, 3, 8),
                datetime(2027, 9, 3, 8),
                "Pinegrove Endpoint Guard, 40 seats, one year",
                "Purchase",
            ),
            OneOff(
                "2026-08",
                _LUMEN_WEB,
                LineItemType.CREDIT,
                catalogue.product_line(m5_east),
                -units("61.4410256410"),
                datetime(2026, 8, 1),
                datetime(2026, 9, 1),
                "Migration programme credit from account: 318204765091",
            ),
            OneOff(
                "2026-09",
                _HARBOR_CLINICS,
                LineItemType.CREDIT,
                catalogue.product_line(database),
                -units("48.7512345679"),
                datetime(2026, 9, 1),
                datetime(2026, 10, 1),
                "Research credit from account: 739182640557",
            ),
            OneOff(
                "2026-09",
                _LUMEN_KIOSKS,
                LineItemType.CREDIT,
                catalogue.product_line(t3_west),
                -units("9.0000000005"),
                datetime(2026, 9, 20),
                datetime(2026, 9, 21),
                "Startup credit from account: 663508217749",
            ),
            OneOff(
                "2026-10",
                _HARBOR_ANALYTICS,
                LineItemType.CREDIT,
                catalogue.product_line(c5_east),
                -units("33.3333333333"),
                datetime(2026, 10, 1),
                datetime(2026, 11, 1),
                "Research credit from account: 739182640557",
            ),
            OneOff(
                "2026-10",
                _AMERICAS_PAYER,
                LineItemType.CREDIT,
                catalogue.product_line(catalogue.metrics(east)),
                -units("4.2000000000"),
                datetime(2026, 10, 1),
                datetime(2026, 11, 1),
                "Solution provider programme credit",
            ),
            # A credit on shared cost lowers what is shared.
            OneOff(
                "2026-10",
                _SHARED,
                LineItemType.CREDIT,
                catalogue.product_line(catalogue.metrics(east)),
                -units("3.1000000001"),
                datetime(2026, 10, 1),
                datetime(2026, 11, 1),
                "Monitoring credit from account: 118620573948",
            ),
            OneOff(
                "2026-09",
                _LUMEN_DATA,
                LineItemType.REFUND,
                catalogue.product_line(database),
                -units("12.9600000000"),
                datetime(2026, 9, 11),
                datetime(2026, 9, 12),
                "Refund for database outage",
                "Refund",
            ),
            OneOff(
                "2026-10",
                _LUMEN_WEB,
                LineItemType.REFUND,
                catalogue.product_line(catalogue.marketplace_usage(east)),
                -units("25.0000000000"),
                datetime(2026, 10, 7),
                datetime(2026, 10, 8),
                "Refund by the seller",
                "Refund",
            ),
        ),
        subscriptions=(
            Subscription(_LUMEN_DATA, catalogue.seat_subscription(), 3),
            Subscription(_HARBOR_ANALYTICS, catalogue.seat_subscription(), 2),
        ),
        support_plans=(
            SupportPlan(_LUMEN_WEB, catalogue.support("AWSSupportBusiness"), LineItemType.FEE, 10_000, 18_000),
            SupportPlan(_LUMEN_KIOSKS, catalogue.support("AWSDeveloperSupport"), LineItemType.USAGE, 2_900, 3_500),
            SupportPlan(_HARBOR_CLINICS, catalogue.support("AWSSupportBusiness"), LineItemType.FEE, 15_000, 26_000),
            SupportPlan(_AMERICAS_PAYER, catalogue.support("AWSSupportEnterprise"), LineItemType.FEE, 30_000, 40_000),
            SupportPlan(_SHARED, catalogue.support("AWSDeveloperSupport"), LineItemType.FEE, 2_900, 2_900),
        ),
        clusters=(
            Cluster(
                _HARBOR_CLINICS,
                m5_east,
                "ECS",
                "intake",
                {"api": (2 * ONE, 6 * ONE), "worker": (ONE, 4 * ONE)},
            ),
        ),
        discounts=(
            DiscountTerm(DiscountKind.BUNDLED, 60_00, USAGE, frozenset({"awswaf"})),
            DiscountTerm(DiscountKind.PRIVATE_RATE, 12_00, USAGE, usage_types=("DataTransfer-Out-Bytes",)),
            DiscountTerm(
                DiscountKind.RESERVATION_VOLUME,
                5_00,
                frozenset({LineItemType.RI_FEE}),
                frozenset({"AmazonEC2"}),
            ),
            DiscountTerm(
                DiscountKind.GENERIC,
                2_00,
                USAGE,
                frozenset({"AmazonCloudWatch"}),
                last_period="2026-08",
            ),
            DiscountTerm(DiscountKind.ENTERPRISE, 5_50, USAGE_AND_COMMITMENTS),
            DiscountTerm(DiscountKind.SOLUTION_PROVIDER, 3_00, USAGE),
        ),
    )


AMERICAS = _payer()

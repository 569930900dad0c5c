"""The second payer: Brightwater's customers in Europe and Asia, which moved from legacy CUR to CUR 2.0.

What is here: a German logistics company (Kranich), a Japanese game studio (Aozora), Harbor's European
account, the payer itself, which is in Brightwater's internal group since that began in 2026-09, and an account in
no group that only holds commitments; all of them are invented. One of Aozora's accounts is lent to Brightwater
from 2026-10-08 until 2026-10-20.
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

__all__ = ["EMEA"]

_EMEA_PAYER = "256039471182"  # In Brightwater's internal group, which begins in 2026-09.
_COMMITMENTS = "403118759226"  # In no group: holds commitments whose savings are given back (G1b).
_KRANICH_CORE = "338470915526"
_KRANICH_IOT = "471960283345"
_AOZORA_LIVE = "582073649910"
_AOZORA_BUILD = "690831457723"  # Moves twice inside October.
_HARBOR_EUROPE = "860294713350"  # Harbor's group spans both payers.


def _payer() -> Payer:
    frankfurt, tokyo = "eu-central-1", "ap-northeast-1"
    m5_frankfurt = catalogue.instance("m5.xlarge", frankfurt)
    t3_frankfurt = catalogue.instance("t3.medium", frankfurt)
    c5_tokyo = catalogue.instance("c5.large", tokyo)
    m5_tokyo = catalogue.instance("m5.xlarge", tokyo)
    database = catalogue.database(frankfurt)
    core, live = tags("core", "production", "KL-7"), tags("live-ops", "production", "AG-1")
    return Payer(
        account_id=_EMEA_PAYER,
        name="Brightwater EMEA and APAC",
        export_name="emea-billing",
        folder="brightwater-emea",
        bucket="brightwater-emea-billing",
        seller="Amazon Web Services EMEA SARL",
        tax_type="VAT",
        account_names={
            _EMEA_PAYER: "Brightwater EMEA and APAC",
            _KRANICH_CORE: "kranich-core",
            _KRANICH_IOT: "kranich-iot",
            _AOZORA_LIVE: "aozora-live",
            _AOZORA_BUILD: "aozora-build",
            _HARBOR_EUROPE: "harbor-europe",
            _COMMITMENTS: "brightwater-commitments",
        },
        tax_rates={
            _KRANICH_CORE: 19_00,
            _KRANICH_IOT: 19_00,
            _AOZORA_LIVE: 10_00,
            _AOZORA_BUILD: 10_00,
            _HARBOR_EUROPE: 19_00,
        },
        fleets=(
            Fleet(_KRANICH_CORE, m5_frankfurt, 2, tags=core, cost_category="Logistics"),
            Fleet(_KRANICH_CORE, database, 1, tags=core, cost_category="Logistics"),
            Fleet(
                _KRANICH_IOT,
                t3_frankfurt,
                2,
                tags=tags("iot", "production", "KL-9"),
                cost_category="Logistics",
            ),
            Fleet(_AOZORA_LIVE, c5_tokyo, 3, tags=live, cost_category="Games"),
            Fleet(_AOZORA_LIVE, m5_tokyo, 1, tags=live, cost_category="Games"),
            Fleet(
                _AOZORA_BUILD,
                c5_tokyo,
                2,
                "office",
                tags=tags("build", "development", "AG-2"),
                cost_category="Games",
            ),
            Fleet(
                _AOZORA_BUILD,
                catalogue.spot_instance("c5.xlarge", tokyo),
                1,
                "nightly",
                tags={"user:team": "build"},
                spot_price=units("0.0833000000"),
            ),
            Fleet(_HARBOR_EUROPE, m5_frankfurt, 1, tags=tags("clinics", "production", "HH-9")),
            Fleet(_EMEA_PAYER, t3_frankfurt, 1, tags={"user:team": "platform"}),
            Fleet(_EMEA_PAYER, m5_frankfurt, 1, "office", tags={"user:team": "platform"}),
            Fleet(_KRANICH_CORE, catalogue.search_node(frankfurt), 1, "office", tags=core, cost_category="Logistics"),
        ),
        streams=(
            Stream(
                _KRANICH_CORE,
                catalogue.object_storage(frankfurt),
                25 * ONE,
                33 * ONE,
                resource=bucket("kranich-waybills", "core"),
            ),
            Stream(_KRANICH_CORE, catalogue.internet_transfer(frankfurt), 9 * ONE, 22 * ONE, free=100 * ONE),
            Stream(_KRANICH_CORE, catalogue.marketplace_usage(frankfurt), 20 * ONE, 50 * ONE, 10**6),
            Stream(_KRANICH_CORE, catalogue.block_storage(frankfurt), 9 * ONE, 10 * ONE),
            Stream(
                _KRANICH_IOT,
                catalogue.function_requests(frankfurt),
                50_000 * ONE,
                120_000 * ONE,
                ONE,
                free=1_000_000 * ONE,
            ),
            Stream(
                _KRANICH_IOT,
                catalogue.function_compute(frankfurt),
                12_000 * ONE,
                28_000 * ONE,
                10**7,
                free=400_000 * ONE,
            ),
            Stream(_KRANICH_IOT, catalogue.metrics(frankfurt), ONE, 2 * ONE),
            Stream(_AOZORA_LIVE, catalogue.internet_transfer(tokyo), 30 * ONE, 70 * ONE, free=100 * ONE),
            Stream(_AOZORA_LIVE, catalogue.cdn_transfer("JP"), 40 * ONE, 140 * ONE),
            Stream(
                _AOZORA_LIVE,
                catalogue.object_storage(tokyo),
                15 * ONE,
                18 * ONE,
                resource=bucket("aozora-assets", "live-ops"),
            ),
            Stream(_AOZORA_LIVE, catalogue.marketplace_usage(tokyo), 5 * ONE, 9 * ONE, 10**6),
            Stream(
                _AOZORA_BUILD,
                catalogue.function_compute(tokyo),
                16_000 * ONE,
                24_000 * ONE,
                10**7,
                free=400_000 * ONE,
            ),
            Stream(_AOZORA_BUILD, catalogue.internet_transfer(tokyo), 2 * ONE, 6 * ONE, free=100 * ONE),
            Stream(_AOZORA_BUILD, catalogue.bundled_firewall(tokyo), ONE // 2, ONE, 10**8),
            Stream(_HARBOR_EUROPE, catalogue.object_storage(frankfurt), 8 * ONE, 9 * ONE),
            Stream(_HARBOR_EUROPE, catalogue.bundled_firewall(frankfurt), ONE // 2, ONE, 10**8),
            Stream(_EMEA_PAYER, catalogue.metrics(frankfurt), ONE, 2 * ONE),
        ),
        reservations=(
            reservation(
                f"arn:aws:rds:{frankfurt}:{_EMEA_PAYER}:ri:shared-mysql",
                database,
                2,
                "0.0930000000",
                "804.00",
                datetime(2026, 5, 20, 11),
                "Partial Upfront",
                "1650220045",
            ),
            # Bought on 2026-10-06: a purchase inside the CUR 2.0 months.
            reservation(
                f"arn:aws:ec2:{frankfurt}:{_KRANICH_CORE}:reserved-instances/71b0e6d3-58c9-4e24-90af-3d7c1f8b62e5",
                m5_frankfurt,
                3,
                "0.0690000000",
                "600.00",
                datetime(2026, 10, 6, 8),
                "Partial Upfront",
                "1650221180",
            ),
            # Used by Kranich and by Brightwater's own account.
            reservation(
                f"arn:aws:ec2:{frankfurt}:{_COMMITMENTS}:reserved-instances/28d3f6a0-9e75-4c12-b1f8-60a4c2e97d53",
                t3_frankfurt,
                3,
                "0.0290000000",
                "0.00",
                datetime(2026, 6, 2, 7),
                "No Upfront",
                "1650222416",
            ),
        ),
        savings_plans=(
            # Bought all upfront on 2026-08-03: nothing recurs, yet every hour has its (zero) fee row.
            savings_plan(
                f"arn:aws:savingsplans::{_AOZORA_LIVE}:savingsplan/4c8f7a15-d2e6-43b9-8f01-b95e60a7c3d2",
                "0.0000000000",
                "2420.00",
                datetime(2026, 8, 3),
                "All Upfront",
            ),
            savings_plan(
                f"arn:aws:savingsplans::{_EMEA_PAYER}:savingsplan/b3a5f092-6e1d-4d78-95c4-1f20e8d7a6b9",
                "0.3900000000",
                "0.00",
                datetime(2026, 4, 15),
                "No Upfront",
            ),
            # Larger than what is left to cover: it saves less than it leaves unused.
            savings_plan(
                f"arn:aws:savingsplans::{_COMMITMENTS}:savingsplan/7e41c9b8-52fd-4a06-9d3e-c8b70f15a642",
                "0.0500000000",
                "0.00",
                datetime(2026, 10, 19, 12),
                "No Upfront",
            ),
        ),
        one_offs=(
            OneOff(
                "2026-08",
                _KRANICH_CORE,
                LineItemType.FEE,
                catalogue.domain_registration("de", "9.00"),
                units("9.00"),
                datetime(2026, 8, 19, 6),
                datetime(2027, 8, 19, 6),
                "Registration of kranich.example",
                "Purchase",
            ),
            OneOff(
                "2026-09",
                _AOZORA_LIVE,
                LineItemType.FEE,
                catalogue.marketplace_contract(),
                units("640.00"),
                datetime(2026, 9, 14),
                datetime(2027, 9, 14),
                "Pinegrove Endpoint Guard, 20 seats, one year",
                "Purchase",
            ),
            OneOff(
                "2026-10",
                _AOZORA_BUILD,
                LineItemType.FEE,
                catalogue.event_pass(),
                units("2099.00"),
                datetime(2026, 11, 30),
                datetime(2026, 12, 5),
                "Full conference pass",
                "Purchase",
            ),
            OneOff(
                "2026-08",
                _AOZORA_LIVE,
                LineItemType.CREDIT,
                catalogue.product_line(c5_tokyo),
                -units("20.0000000000"),
                datetime(2026, 8, 1),
                datetime(2026, 9, 1),
                "Launch credit from account: 582073649910",
            ),
            OneOff(
                "2026-09",
                _KRANICH_CORE,
                LineItemType.CREDIT,
                catalogue.product_line(m5_frankfurt),
                -units("17.7777777777"),
                datetime(2026, 9, 1),
                datetime(2026, 10, 1),
                "Sustainability credit from account: 338470915526",
            ),
            OneOff(
                "2026-10",
                _AOZORA_LIVE,
                LineItemType.CREDIT,
                catalogue.product_line(m5_tokyo),
                -units("11.1234567891"),
                datetime(2026, 10, 1),
                datetime(2026, 11, 1),
                "Launch credit from account: 582073649910",
            ),
            OneOff(
                "2026-08",
                _KRANICH_IOT,
                LineItemType.REFUND,
                catalogue.product_line(t3_frankfurt),
                -units("3.8400000000"),
                datetime(2026, 8, 22),
                datetime(2026, 8, 23),
                "Refund for instance failure",
                "Refund",
            ),
            OneOff(
                "2026-10",
                _AOZORA_LIVE,
                LineItemType.REFUND,
                catalogue.product_line(c5_tokyo),
                -units("6.4200000000"),
                datetime(2026, 10, 2),
                datetime(2026, 10, 3),
                "Refund for instance failure",
                "Refund",
            ),
        ),
        subscriptions=(Subscription(_KRANICH_IOT, catalogue.seat_subscription(), 1),),
        support_plans=(
            SupportPlan(_KRANICH_CORE, catalogue.support("AWSSupportBusiness"), LineItemType.USAGE, 12_000, 21_000),
            SupportPlan(_AOZORA_LIVE, catalogue.support("AWSSupportBusiness"), LineItemType.FEE, 10_000, 14_000),
            SupportPlan(_EMEA_PAYER, catalogue.support("AWSDeveloperSupport"), LineItemType.FEE, 2_900, 2_900),
        ),
        clusters=(
            Cluster(
                _KRANICH_CORE,
                m5_frankfurt,
                "EKS",
                "freight",
                {"router": (ONE, 5 * ONE), "tracker": (ONE, 3 * ONE)},
            ),
        ),
        discounts=(
            DiscountTerm(DiscountKind.BUNDLED, 60_00, USAGE, frozenset({"awswaf"})),
            DiscountTerm(DiscountKind.PRIVATE_RATE, 9_50, USAGE, usage_types=("TimedStorage-ByteHrs",)),
            DiscountTerm(
                DiscountKind.RESERVATION_VOLUME,
                5_00,
                frozenset({LineItemType.RI_FEE}),
                frozenset({"AmazonRDS"}),
            ),
            DiscountTerm(DiscountKind.ENTERPRISE, 4_00, USAGE_AND_COMMITMENTS, marketplace=True),
            DiscountTerm(DiscountKind.SOLUTION_PROVIDER, 1_50, USAGE),
            DiscountTerm(DiscountKind.DISTRIBUTOR, 2_25, USAGE),
        ),
    )


EMEA = _payer()

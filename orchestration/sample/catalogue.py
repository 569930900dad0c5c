"""What AWS sells in the sample world: products, SKUs, list prices, and the attributes CUR shows of them.

What is here: one function per product family, each returning the one ``Sku`` object of a region.
When to add here: a product whose rows have a shape, a price or a usage type that the sample lacks.
What does not belong here: who uses it (``story``). Prices are close to AWS's public ones of 2026 but promise
nothing; Marketplace sellers and their products are invented.
"""

from functools import cache

from orchestration.sample.facts import Sku
from orchestration.sample.fixed_point import ONE, percentage_of, units

__all__ = [
    "REGION_NAMES",
    "block_storage",
    "bundled_firewall",
    "cdn_transfer",
    "container_share",
    "database",
    "domain_registration",
    "event_pass",
    "function_compute",
    "function_requests",
    "hosted_zone",
    "instance",
    "internet_transfer",
    "marketplace_contract",
    "marketplace_usage",
    "metrics",
    "object_requests",
    "object_storage",
    "product_line",
    "reservation_fee",
    "savings_plan_fee",
    "search_node",
    "seat_subscription",
    "spot_instance",
    "support",
]

REGION_NAMES = {
    "us-east-1": "US East (N. Virginia)",
    "us-west-2": "US West (Oregon)",
    "eu-central-1": "EU (Frankfurt)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
}

# AWS prefixes usage types by region everywhere but in N. Virginia: "BoxUsage:..." there, "EUC1-BoxUsage:..."
# here.
_PREFIXES = {"us-east-1": "", "us-west-2": "USW2-", "eu-central-1": "EUC1-", "ap-northeast-1": "APN1-"}

# Hourly on-demand rates of Linux instances, by region in the order of REGION_NAMES.
_INSTANCE_RATES = {
    "m5.xlarge": ("0.1920000000", "0.1920000000", "0.2300000000", "0.2480000000"),
    "c5.large": ("0.0850000000", "0.0850000000", "0.0970000000", "0.1070000000"),
    "c5.xlarge": ("0.1700000000", "0.1700000000", "0.1940000000", "0.2140000000"),
    "t3.medium": ("0.0416000000", "0.0416000000", "0.0480000000", "0.0544000000"),
}
_INSTANCE_SHAPES = {  # family, vCPU, memory, normalisation factor
    "m5.xlarge": ("General purpose", "4", "16 GiB", "8"),
    "c5.large": ("Compute optimized", "2", "4 GiB", "4"),
    "c5.xlarge": ("Compute optimized", "4", "8 GiB", "8"),
    "t3.medium": ("General purpose", "2", "4 GiB", "2"),
}
_DATABASE_RATES = {"us-east-1": "0.2400000000", "eu-central-1": "0.2850000000"}

# A one-year Compute Savings Plan without upfront payment pays about this share of the on-demand rate.
_SAVINGS_PLAN_SHARE = 73_63  # hundredths of a percent

_NAMES = {
    "AmazonEC2": "Amazon Elastic Compute Cloud",
    "AmazonRDS": "Amazon Relational Database Service",
    "AmazonS3": "Amazon Simple Storage Service",
    "AmazonCloudFront": "Amazon CloudFront",
    "AWSLambda": "AWS Lambda",
    "AmazonCloudWatch": "AmazonCloudWatch",
    "AmazonRoute53": "Amazon Route 53",
    "AmazonRegistrar": "Amazon Registrar",
    "AmazonES": "Amazon OpenSearch Service",
    "AmazonEKS": "Amazon Elastic Container Service for Kubernetes",
    "AmazonECS": "Amazon Elastic Container Service",
    "awswaf": "AWS WAF",
    "Kiro": "Kiro",
    "AWSEvents": "AWS Events",
    "ComputeSavingsPlans": "Savings Plans for AWS Compute usage",
    "AWSSupportBusiness": "AWS Support (Business)",
    "AWSDeveloperSupport": "AWS Support (Developer)",
    "AWSSupportEnterprise": "AWS Support (Enterprise)",
}


def _sku(
    product_code: str,
    region: str,
    usage_type: str,
    operation: str,
    unit: str,
    rate: str,
    *,
    public_rate: str | None = "",
    family: str = "",
    savings_plan_rate: int = 0,
    normalization_factor: int = 0,
    description: str = "",
    prefixed: bool = True,
    **attributes: str,
) -> Sku:
    """Return an AWS product's SKU; ``public_rate`` '' = the unblended rate, None = AWS publishes none."""
    usage_type = (_PREFIXES[region] if prefixed and region else "") + usage_type
    place = {"region": region, "regionCode": region, "location": REGION_NAMES[region]} if region else {}
    own_rate = units(rate)
    return Sku(
        product_code=product_code,
        product_name=_NAMES[product_code],
        usage_type=usage_type,
        operation=operation,
        region=region,
        unit=unit,
        rate=own_rate,
        public_rate=None if public_rate is None else units(public_rate) if public_rate else own_rate,
        savings_plan_rate=savings_plan_rate,
        normalization_factor=normalization_factor,
        description=description or f"${rate.rstrip('0')} per {unit} of {usage_type}",
        attributes={
            "ProductName": _NAMES[product_code],
            "servicecode": product_code,
            "servicename": _NAMES[product_code],
            "productFamily": family,
            "usagetype": usage_type,
            "operation": operation,
            **({"locationType": "AWS Region"} if region else {}),
            **place,
            **attributes,
        },
    )


@cache
def instance(instance_type: str, region: str) -> Sku:
    """Return an on-demand Linux instance hour, which a Compute Savings Plan can cover."""
    family, vcpu, memory, factor = _INSTANCE_SHAPES[instance_type]
    rate = _INSTANCE_RATES[instance_type][list(REGION_NAMES).index(region)]
    return _sku(
        "AmazonEC2",
        region,
        f"BoxUsage:{instance_type}",
        "RunInstances",
        "Hrs",
        rate,
        family="Compute Instance",
        # AWS quotes plan rates with five decimals.
        savings_plan_rate=percentage_of(units(rate), _SAVINGS_PLAN_SHARE) // 100_000 * 100_000,
        normalization_factor=int(factor) * ONE,
        description=f"${rate.rstrip('0')} per On Demand Linux {instance_type} Instance Hour",
        instanceType=instance_type,
        instanceFamily=family,
        instanceTypeFamily=instance_type.split(".")[0],
        vcpu=vcpu,
        memory=memory,
        operatingSystem="Linux",
        tenancy="Shared",
        normalizationSizeFactor=factor,
    )


@cache
def spot_instance(instance_type: str, region: str) -> Sku:
    """Return a spot instance hour; its price changes by the hour and has no public on-demand counterpart."""
    family, vcpu, memory, factor = _INSTANCE_SHAPES[instance_type]
    return _sku(
        "AmazonEC2",
        region,
        f"SpotUsage:{instance_type}",
        "RunInstances:SV001",
        "Hrs",
        "0.0000000000",
        public_rate=None,
        family="Compute Instance",
        normalization_factor=int(factor) * ONE,
        description=f"{instance_type} Linux/UNIX Spot Instance-hour",
        instanceType=instance_type,
        instanceFamily=family,
        vcpu=vcpu,
        memory=memory,
        operatingSystem="Linux",
        marketoption="Spot",
    )


@cache
def database(region: str) -> Sku:
    """Return a MySQL database instance hour (no Savings Plan, reservations only)."""
    return _sku(
        "AmazonRDS",
        region,
        "InstanceUsage:db.r5.large",
        "CreateDBInstance:0002",
        "Hrs",
        _DATABASE_RATES[region],
        family="Database Instance",
        normalization_factor=4 * ONE,
        instanceType="db.r5.large",
        instanceFamily="Memory optimized",
        databaseEngine="MySQL",
        deploymentOption="Single-AZ",
        vcpu="2",
        memory="16 GiB",
    )


@cache
def search_node(region: str) -> Sku:
    """Return a search node hour: a size without normalisation factor, coverable by no Savings Plan."""
    return _sku(
        "AmazonES",
        region,
        "ESInstance:t3.small",
        "ESDomain",
        "Hrs",
        "0.0430000000",
        family="Amazon OpenSearch Service Instance",
        instanceType="t3.small.search",
        instanceFamily="General purpose",
        vcpu="2",
        memory="2 GiB",
    )


@cache
def block_storage(region: str) -> Sku:
    """Return general-purpose volume storage."""
    rate = {"us-east-1": "0.0800000000", "eu-central-1": "0.0952000000"}.get(region, "0.0960000000")
    return _sku(
        "AmazonEC2",
        region,
        "EBS:VolumeUsage.gp3",
        "CreateVolume-Gp3",
        "GB-Mo",
        rate,
        family="Storage",
        volumeType="General Purpose",
        volumeApiName="gp3",
    )


@cache
def object_storage(region: str) -> Sku:
    """Return standard object storage, tiered: the public column carries the highest tier's rate (R1)."""
    return _sku(
        "AmazonS3",
        region,
        "TimedStorage-ByteHrs",
        "StandardStorage",
        "GB-Mo",
        "0.0230000000",
        public_rate="0.0210000000",
        family="Storage",
        storageClass="General Purpose",
        volumeType="Standard",
    )


@cache
def object_requests(region: str) -> Sku:
    """Return object storage write requests."""
    return _sku(
        "AmazonS3",
        region,
        "Requests-Tier1",
        "PutObject",
        "Requests",
        "0.0000050000",
        family="API Request",
        group="S3-API-Tier1",
    )


@cache
def internet_transfer(region: str) -> Sku:
    """Return data transfer to the internet: the first 100 GB of a month are free."""
    rate = "0.1140000000" if region == "ap-northeast-1" else "0.0900000000"
    return _sku(
        "AmazonEC2",
        region,
        "DataTransfer-Out-Bytes",
        "RunInstances",
        "GB",
        rate,
        family="Data Transfer",
        # AWS prices it as a service of its own, under which its invoice shows it; the row's product stays EC2.
        servicecode="AWSDataTransfer",
        servicename="AWS Data Transfer",
        transferType="AWS Outbound",
        fromLocation=REGION_NAMES[region],
        fromRegionCode=region,
        toLocation="External",
    )


@cache
def cdn_transfer(edge: str) -> Sku:
    """Return content delivery to viewers from an edge group (``US``, ``EU``, ``JP``), which has no region."""
    rate = "0.1140000000" if edge == "JP" else "0.0850000000"
    return _sku(
        "AmazonCloudFront",
        "",
        f"{edge}-DataTransfer-Out-Bytes",
        "GET",
        "GB",
        rate,
        family="Data Transfer",
        transferType="CloudFront Outbound",
        fromLocation=edge,
    )


@cache
def function_compute(region: str) -> Sku:
    """Return function run time: the first 400,000 GB-seconds of a month are free."""
    return _sku(
        "AWSLambda",
        region,
        "Lambda-GB-Second",
        "Invoke",
        "Lambda-GB-Second",
        "0.0000166667",
        family="Serverless",
        group="AWS-Lambda-Duration",
    )


@cache
def function_requests(region: str) -> Sku:
    """Return function requests: the first million of a month are free."""
    return _sku(
        "AWSLambda",
        region,
        "Request",
        "Invoke",
        "Lambda-Requests",
        "0.0000002000",
        family="Serverless",
        group="AWS-Lambda-Requests",
    )


@cache
def metrics(region: str) -> Sku:
    """Return custom metrics."""
    return _sku(
        "AmazonCloudWatch",
        region,
        "CW:MetricMonitorUsage",
        "MetricStorage",
        "Metrics",
        "0.3000000000",
        family="Metric",
        group="Metric",
    )


@cache
def bundled_firewall(region: str) -> Sku:
    """Return web firewall rules, made cheaper by a bundle (AWS's example of a BundledDiscount)."""
    return _sku("awswaf", region, "RuleV2", "", "Rule", "1.0000000000", family="Web Application Firewall")


@cache
def hosted_zone() -> Sku:
    """Return a hosted zone month: a global service without region."""
    return _sku("AmazonRoute53", "", "DNS-HostedZone", "HostedZone", "HostedZone", "0.5000000000", family="DNS Zone")


@cache
def seat_subscription() -> Sku:
    """Return a flat-rate subscription seat."""
    return _sku(
        "Kiro",
        "us-east-1",
        "Kiro-Pro-User",
        "Subscription",
        "User-Mo",
        "20.0000000000",
        family="Subscription",
        prefixed=False,
    )


@cache
def container_share(orchestrator: str, dimension: str, region: str) -> Sku:
    """Return one dimension (vCPU, GB) of a pod's or task's share of its instance; never charged (C1)."""
    code, operation = {"EKS": ("AmazonEKS", "EKSPod-EC2"), "ECS": ("AmazonECS", "ECSTask-EC2")}[orchestrator]
    unit = {"vCPU": "vCPU-Hours", "GB": "GB-Hours"}[dimension]
    return _sku(code, region, f"{orchestrator}-EC2-{unit}", operation, unit, "0.0000000000", public_rate=None)


@cache
def domain_registration(suffix: str, price: str) -> Sku:
    """Return a domain registered for a year: billed at once, used later (P1)."""
    return _sku(
        "AmazonRegistrar",
        "",
        f"DomainRegistration-{suffix}",
        "RegisterDomain",
        "DomainNames",
        price,
        public_rate=None,
        description=f"Registration of a .{suffix} domain for one year",
    )


@cache
def event_pass() -> Sku:
    """Return a conference pass, billed months before the conference (P1)."""
    return _sku(
        "AWSEvents",
        "",
        "reInvent-FullPass",
        "",
        "Quantity",
        "2099.0000000000",
        public_rate=None,
        description="Full conference pass",
    )


@cache
def support(product_code: str) -> Sku:
    """Return a support plan (C3); the fee itself is set row by row."""
    return _sku(product_code, "", "Dollar", "", "Dollar", "1.0000000000", public_rate=None, family="AWS Support")


@cache
def reservation_fee(covered: Sku, hourly_fee: int) -> Sku:
    """Return the fee SKU of a lease on ``covered``: AWS calls it HeavyUsage and gives it no public price."""
    prefix = _PREFIXES[covered.region]
    instance_type = covered.attributes["instanceType"]
    usage_type = f"{prefix}HeavyUsage:{instance_type}"
    attributes = {
        key: covered.attributes[key]
        for key in (
            "ProductName",
            "servicecode",
            "servicename",
            "region",
            "regionCode",
            "location",
            "operation",
        )
    }
    return Sku(
        product_code=covered.product_code,
        product_name=covered.product_name,
        usage_type=usage_type,
        operation=covered.operation,
        region=covered.region,
        unit="Hrs",
        rate=hourly_fee,
        normalization_factor=covered.normalization_factor,
        description=f"Hourly fee per {instance_type} reserved instance",
        attributes={**attributes, "usagetype": usage_type},
    )


@cache
def savings_plan_fee(payment_option: str) -> Sku:
    """Return the fee SKU of a one-year Compute Savings Plan."""
    return _sku(
        "ComputeSavingsPlans",
        "",
        f"ComputeSP:1yr{payment_option.replace(' ', '')}",
        "",
        "",
        "0.0000000000",
        public_rate=None,
        description=f"1 year {payment_option} Compute Savings Plan",
    )


@cache
def marketplace_usage(region: str) -> Sku:
    """Return metered Marketplace software of an invented seller; product codes there are opaque."""
    name = "Tidewater Log Search"
    return Sku(
        product_code="7c1nq0xk2v9wz4rt8m5yb3dfh",
        product_name=name,
        usage_type=f"{_PREFIXES[region]}MP:Tidewater-IngestGB",
        operation="Hourly",
        region=region,
        unit="GB",
        rate=units("0.4150000000"),
        billing_entity="AWS Marketplace",
        seller="Tidewater Software Ltd.",
        description="AWS Marketplace software usage: ingested GB",
        attributes={"ProductName": name, "region": region, "regionCode": region},
    )


@cache
def marketplace_contract() -> Sku:
    """Return an annual Marketplace contract of an invented seller, billed as one fee."""
    name = "Pinegrove Endpoint Guard"
    return Sku(
        product_code="2hs6gj4e0lqx9zt3vw8kbn5ym",
        product_name=name,
        usage_type="Global-ContractFee",
        unit="Units",
        billing_entity="AWS Marketplace",
        seller="Pinegrove Security, Inc.",
        description="AWS Marketplace annual contract",
        attributes={"ProductName": name},
    )


@cache
def product_line(sku: Sku) -> Sku:
    """Return the bare product of ``sku``: what tax, credit and refund rows name."""
    return Sku(
        product_code=sku.product_code,
        product_name=sku.product_name,
        billing_entity=sku.billing_entity,
        seller=sku.seller,
        attributes={key: value for key, value in sku.attributes.items() if key in ("ProductName", "servicecode")},
    )

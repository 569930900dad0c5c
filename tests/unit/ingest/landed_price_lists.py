"""Small price lists as AWS's bulk API writes them, made by hand for one question each.

What is here: products with tiers, and the CSV and JSON shapes around them.
When to add here: another shape, or a product that several tests need.
What does not belong here: damage; each test makes its own from a good file.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["DYNAMO_STORAGE", "FLAT_REQUESTS", "S3_STORAGE", "Product", "offer_csv", "offer_json", "replace"]


@dataclass(frozen=True)
class Product:
    """One product and its on-demand price: (begin, end, price) per tier, as text."""

    sku: str
    usage_type: str
    tiers: tuple[tuple[str, str, str], ...]
    service_code: str = "AmazonS3"
    operation: str = ""
    region_code: str = "us-east-1"
    unit: str = "GB-Mo"
    effective_date: str = "2026-08-01T00:00:00Z"
    currency: str = "USD"
    term_type: str = "OnDemand"


S3_STORAGE = Product(
    "WP9ANXZGBYYSGJEA",
    "TimedStorage-ByteHrs",
    (("0", "51200", "0.0230000000"), ("51200", "512000", "0.0220000000"), ("512000", "Inf", "0.0210000000")),
)
FLAT_REQUESTS = Product("E9YHNFENF4XQBZR6", "Requests-Tier1", (("0", "Inf", "0.0000050000"),), unit="Requests")
DYNAMO_STORAGE = Product(
    "F3MJVGQFY9HKMGXA",
    "TimedStorage-ByteHrs",
    (("0", "25", "0.0000000000"), ("25", "Inf", "0.2500000000")),
    service_code="AmazonDynamoDB",
)

_HEADER = [
    *("SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate", "StartingRange"),
    *("EndingRange", "Unit", "PricePerUnit", "Currency", "LeaseContractLength", "Product Family", "serviceCode"),
    *("Location", "Location Type", "usageType", "operation", "Region Code", "serviceName"),
]


def offer_csv(
    products: Sequence[Product],
    published: str = "2026-08-15T09:30:00Z",
    header: Sequence[str] = _HEADER,
    offer_code: str = "AmazonS3",
) -> bytes:
    """Return an offer file in CSV, every cell quoted as AWS does."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["FormatVersion", "v1.0"])
    writer.writerow(["Disclaimer", 'For information only, "as is"'])
    writer.writerow(["Publication Date", published])
    writer.writerow(["Version", "20260815093000"])
    writer.writerow(["OfferCode", offer_code])
    writer.writerow(header)
    for product in products:
        for number, (begin, end, price) in enumerate(product.tiers):
            effective = product.effective_date[:10]
            cells = [product.sku, "JRTCKXETXF", f"{product.sku}.JRTCKXETXF.{number}", product.term_type, "a price"]
            cells += [effective, begin, end, product.unit, price, product.currency, "", "Storage", product.service_code]
            cells += ["US East (N. Virginia)", "AWS Region", product.usage_type, product.operation, product.region_code]
            writer.writerow([*cells, "A service"])
    return text.getvalue().encode()


def offer_json(
    products: Sequence[Product], published: str = "2026-08-15T09:30:00Z", offer_code: str = "AmazonS3"
) -> bytes:
    """Return an offer file in JSON."""
    return json.dumps(
        {
            "formatVersion": "v1.0",
            "disclaimer": "For information only",
            "offerCode": offer_code,
            "version": "20260815093000",
            "publicationDate": published,
            "products": {
                product.sku: {
                    "sku": product.sku,
                    "productFamily": "Storage",
                    "attributes": {
                        "servicecode": product.service_code,
                        "location": "US East (N. Virginia)",
                        "usagetype": product.usage_type,
                        "operation": product.operation,
                        "regionCode": product.region_code,
                    },
                }
                for product in products
            },
            "terms": {
                "OnDemand": {
                    product.sku: {
                        f"{product.sku}.JRTCKXETXF": {
                            "offerTermCode": "JRTCKXETXF",
                            "sku": product.sku,
                            "effectiveDate": product.effective_date,
                            "priceDimensions": {
                                f"{product.sku}.JRTCKXETXF.{number}": {
                                    "unit": product.unit,
                                    "beginRange": begin,
                                    "endRange": end,
                                    "pricePerUnit": {product.currency: price},
                                    "appliesTo": [],
                                }
                                for number, (begin, end, price) in enumerate(product.tiers)
                            },
                            "termAttributes": {},
                        }
                    }
                    for product in products
                    if product.term_type == "OnDemand"
                },
                "Reserved": {},
            },
        },
        indent=2,
    ).encode()

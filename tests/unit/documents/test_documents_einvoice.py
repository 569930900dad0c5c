"""The golden cases of tax and documents (G51 to G56), on real XML under the real rules of EN 16931."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from orchestration.documents.content import Document
from orchestration.documents.einvoice import electronic_invoice, refusal
from orchestration.documents.validation import problems
from orchestration.errors import DocumentError
from orchestration.sample.documents import CUSTOMERS, ISSUERS, example_content, example_line

NAMESPACES = {
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
}
BELGIAN = {
    **CUSTOMERS["kranich"],
    "country_code": "BE",
    "tax_id": "BE 0428.759.497",
    "language": "fr",
    "subdivision": None,
}
REFERENCE = {"number": "BWEU-2026-000042", "issue_date": "2026-10-05"}


def _xml(content: bytes) -> bytes:
    xml = electronic_invoice(Document.parse(content))
    assert problems(xml) == []
    return xml


def _all(xml: bytes, path: str) -> list[str]:
    return [node.text for node in etree.fromstring(xml).iterfind(f".//{path}", NAMESPACES)]


def _one(xml: bytes, path: str) -> str:
    (text,) = _all(xml, path)
    return text


def _breakdown(xml: bytes) -> list[tuple[str | None, ...]]:
    """Return category, rate, base, tax and reason of every tax breakdown."""
    names = ("CategoryCode", "RateApplicablePercent", "BasisAmount", "CalculatedAmount", "ExemptionReason")
    taxes = etree.fromstring(xml).iterfind(".//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax", NAMESPACES)
    return [tuple(tax.findtext(f"ram:{name}", None, NAMESPACES) for name in names) for tax in taxes]


def test_g51_tax_is_rounded_per_rate_and_not_per_line() -> None:
    xml = _xml(example_content([example_line(name, "10.03", rate="21") for name in "abc"]))
    assert _breakdown(xml) == [("S", "21", "30.09", "6.32", None)]
    assert _one(xml, "ram:GrandTotalAmount") == "36.41"
    small = _xml(example_content([example_line(name, "0.07", rate="20") for name in "abc"]))
    assert _breakdown(small) == [("S", "20", "0.21", "0.04", None)]


def test_g52_two_rates_have_a_breakdown_each() -> None:
    lines = [example_line("a", "33.33"), example_line("b", "33.33"), example_line("c", "33.34", rate="7")]
    xml = _xml(example_content(lines))
    assert _breakdown(xml) == [("S", "7", "33.34", "2.33", None), ("S", "19", "66.66", "12.67", None)]
    assert _one(xml, "ram:GrandTotalAmount") == "115.00"


def test_g53_reverse_charge_names_both_ids_and_the_reason() -> None:
    issuer = {**ISSUERS["brightwater-eu"], "country_code": "NL", "tax_id": "NL123456789B01"}
    line = example_line(
        "Amazon EC2", "100.00", category="AE", rate="0", reason="Reverse charge, Article 196 VAT directive"
    )
    xml = _xml(example_content([line], issuer=issuer, customer=BELGIAN))
    assert _breakdown(xml) == [("AE", "0", "100.00", "0.00", "Reverse charge, Article 196 VAT directive")]
    assert _all(xml, "ram:SpecifiedTaxRegistration/ram:ID[@schemeID='VA']") == ["NL123456789B01", "BE0428759497"]
    dutch = {**CUSTOMERS["kranich"], "country_code": "NL", "tax_id": "NL987654321B01"}
    local = _xml(example_content([example_line("Amazon EC2", "100.00", rate="21")], issuer=issuer, customer=dutch))
    assert _breakdown(local) == [("S", "21", "100.00", "21.00", None)]


def test_g54_a_line_is_its_quantity_times_its_price() -> None:
    """Lines are sold as one of each, so that no rounding can come between price and line net."""
    lines = [example_line("a", "3.36"), example_line("b", "-0.01"), example_line("c", "0.00")]
    xml = _xml(example_content(lines))
    nets = _all(xml, "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount")
    products = [
        Decimal(price) * Decimal(quantity)
        for price, quantity in zip(_all(xml, "ram:ChargeAmount"), _all(xml, "ram:BilledQuantity"), strict=True)
    ]
    assert products == list(map(Decimal, nets)) == [Decimal("3.36"), Decimal("-0.01"), Decimal("0.00")]


def test_g55_credits_are_allowances_and_no_price_is_negative() -> None:
    lines = [example_line("Amazon EC2", "100.00", credit="-40.00"), example_line("refund", "-5.00", kind="refund")]
    xml = _xml(example_content(lines))
    assert _all(xml, "ram:ChargeAmount") == ["100.00", "5.00"]
    assert _all(xml, "ram:BilledQuantity") == ["1", "-1"]
    assert _one(xml, "ram:SpecifiedTradeAllowanceCharge/ram:ActualAmount") == "40.00"
    assert _one(xml, "ram:SpecifiedTradeAllowanceCharge/ram:ChargeIndicator/udt:Indicator") == "false"
    assert _one(xml, "ram:AllowanceTotalAmount") == "40.00"
    assert _breakdown(xml) == [("S", "19", "55.00", "10.45", None)]
    negative = xml.replace(b"<ram:ChargeAmount>5.00", b"<ram:ChargeAmount>-5.00").replace(b">-1<", b">1<")
    assert any("BR-27" in problem for problem in problems(negative))


def test_g56_tax_in_the_accounting_currency() -> None:
    content = example_content(
        [example_line("Amazon EC2", "100.00")],
        issuer={**ISSUERS["brightwater-eu"], "country_code": "PL", "tax_id": "PL5260250995", "currency": "PLN"},
        accounting_fx={"currency": "PLN", "rate": "4.3210", "source": "NBP"},
    )
    xml = _xml(content)
    assert _one(xml, "ram:TaxCurrencyCode") == "PLN"
    assert _one(xml, "ram:TaxTotalAmount[@currencyID='PLN']") == "82.10"
    assert _one(xml, "ram:TaxTotalAmount[@currencyID='EUR']") == "19.00"
    assert _one(xml, "ram:GrandTotalAmount") == "119.00"


def test_a_credit_note_turns_the_signs_and_names_what_it_corrects() -> None:
    lines = [
        example_line("Amazon EC2", "-100.00", credit="25.00", cause="restated"),
        example_line("Amazon S3", "2.00", cause="restated"),
    ]
    xml = _xml(example_content(lines, kind="credit_note", number="BWEU-CN-2026-000003", reference=REFERENCE))
    assert _one(xml, "rsm:ExchangedDocument/ram:TypeCode") == "381"
    assert _one(xml, "ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == "BWEU-2026-000042"
    assert _one(xml, "ram:InvoiceReferencedDocument/ram:FormattedIssueDateTime/qdt:DateTimeString") == "20261005"
    assert _all(xml, "ram:LineTotalAmount") == ["100.00", "-2.00", "98.00"]
    assert _one(xml, "ram:AllowanceTotalAmount") == "25.00"
    assert _one(xml, "ram:GrandTotalAmount") == "86.87"
    assert _all(xml, "ram:IBANID") == []
    assert _all(xml, "ram:DueDateDateTime") == []
    assert "verrechnen" in _one(xml, "ram:SpecifiedTradePaymentTerms/ram:Description")


def test_credits_given_back_by_a_supplementary_invoice_are_a_charge() -> None:
    line = example_line("Amazon EC2", "10.00", credit="4.00", cause="restated")
    xml = _xml(example_content([line], kind="supplementary_invoice", reference=REFERENCE))
    assert _one(xml, "ram:ChargeTotalAmount") == "4.00"
    assert _one(xml, "ram:GrandTotalAmount") == "16.66"


def test_dates_period_and_bank_account_stand_in_it() -> None:
    issuer = {**ISSUERS["brightwater-eu"], "iban": "DE89 3704 0044 0532 0130 00"}
    xml = _xml(example_content([example_line("Amazon EC2", "10.00")], issuer=issuer))
    assert _one(xml, "ram:TaxPointDate/udt:DateString") == "20260930"
    assert _one(xml, "ram:DueDateDateTime/udt:DateTimeString") == "20261019"
    period = "ram:ApplicableHeaderTradeSettlement/ram:BillingSpecifiedPeriod"
    assert _one(xml, f"{period}/ram:StartDateTime/udt:DateTimeString") == "20260901"
    assert _one(xml, f"{period}/ram:EndDateTime/udt:DateTimeString") == "20260930"
    assert _one(xml, "ram:IBANID") == "DE89370400440532013000"


def test_a_line_of_two_tax_parts_is_two_lines() -> None:
    """T4: an exempt account's part and the rest, each in its own category."""

    def part(category: str, rate: str, net: str, reason: str | None) -> dict[str, Any]:
        return {
            "tax_category": category,
            "tax_name": "VAT",
            "tax_rate": rate,
            "exemption_reason": reason,
            "net_amount": net,
            "credit_amount": "0",
        }

    line = example_line(
        "EC2", "100.00", parts=[part("S", "19", "60.00", None), part("E", "0", "40.00", "Certificate 7")]
    )
    xml = _xml(example_content([line, example_line("S3", "1.00")]))
    assert _all(xml, "ram:LineID") == ["1.1", "1.2", "2"]
    assert _breakdown(xml) == [("E", "0", "40.00", "0.00", "Certificate 7"), ("S", "19", "61.00", "11.59", None)]


def test_aws_tax_passed_on_is_a_line_out_of_scope() -> None:
    lines = [
        example_line("Amazon EC2", "100.00", category="O", rate="0"),
        example_line("Tax charged by AWS", "8.25", category="O", rate="0", kind="aws_tax"),
    ]
    xml = _xml(example_content(lines, customer={**CUSTOMERS["kranich"], "language": "en"}, currency="USD"))
    assert _breakdown(xml) == [("O", None, "108.25", "0.00", "Not subject to tax")]
    assert _all(xml, "ram:SpecifiedTaxRegistration/ram:ID[@schemeID='FC']") == ["DE123456788"]
    assert _all(xml, "ram:SpecifiedTaxRegistration/ram:ID[@schemeID='VA']") == []
    assert (_one(xml, "ram:TaxTotalAmount"), _one(xml, "ram:GrandTotalAmount")) == ("0.00", "108.25")


def test_a_currency_without_decimals() -> None:
    content = example_content(
        [example_line("Amazon EC2", "1003", rate="10")], customer=CUSTOMERS["aozora"], currency="JPY", minor_units=0
    )
    xml = _xml(content)
    assert (_one(xml, "ram:GrandTotalAmount"), _one(xml, "ram:TaxTotalAmount")) == ("1103", "100")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (example_content([example_line("a", "1.234")], currency="KWD", minor_units=3), "KWD has 3"),
        (example_content([example_line("a", "1.00")], number=None, issue_date=None), "draft"),
        (example_content([example_line("a", "1.00"), example_line("b", "1.00", category="O", rate="0")]), "BR-O-11"),
        (example_content([]), "BR-16"),
        (example_content([example_line("a", "1.00")], issuer={**ISSUERS["brightwater-eu"], "tax_id": None}), "BR-S-02"),
        (
            example_content([example_line("a", "1.00", category="AE", rate="0")], customer={**BELGIAN, "tax_id": " "}),
            "BR-AE-02",
        ),
        (
            example_content(
                [example_line("a", "1.00")], accounting_fx={"currency": "KWD", "rate": "0.35", "source": ""}
            ),
            "BR-DEC-15",
        ),
    ],
)
def test_why_a_document_has_none(content: bytes, reason: str) -> None:
    document = Document.parse(content)
    assert reason in (refusal(document) or "")
    with pytest.raises(DocumentError, match=reason):
        electronic_invoice(document)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"<ram:GrandTotalAmount>119.00", b"<ram:GrandTotalAmount>119.01", "BR-CO-15"),
        (b"<ram:DuePayableAmount>119.00", b"<ram:DuePayableAmount>118.00", "BR-CO-16"),
        (b"<ram:TaxBasisTotalAmount>100.00", b"<ram:TaxBasisTotalAmount>101.00", "BR-CO-13"),
        (b"<ram:ID>BWEU", b'<ram:ID schemeID="x">BWEU', "marked as not used"),
        (b"<ram:CityName>Hamburg<", b"<ram:CityName><", "R008"),
        (b"<ram:CategoryCode>S<", b"<ram:CategoryCode>Z<", "BR-Z-"),
        (b"<ram:CountryID>DE<", b"<ram:CountryID>XX<", "ram:CountryID"),
        (b"<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>", b"", "InvoiceCurrencyCode"),
        (b"</rsm:CrossIndustryInvoice>", b"", "is not XML"),
    ],
)
def test_the_validator_is_alive(old: bytes, new: bytes, rule: str) -> None:
    """A wrong total that a validator lets pass would be sent to the tax office."""
    xml = _xml(example_content([example_line("Amazon EC2", "100.00")]))
    assert xml.count(old) >= 1
    found = problems(xml.replace(old, new))
    assert any(rule in problem for problem in found), found


def test_texts_of_any_kind_are_written() -> None:
    line = example_line("<b>& ]]> \x01\x0b 青空 Łódź", "1.00", service="")
    customer = {**CUSTOMERS["kranich"], "legal_name": "A\r\nB\t<C>", "address": "", "city": None, "email": None}
    xml = _xml(example_content([line], customer=customer))
    assert "<b>& ]]> 青空 Łódź" in _all(xml, "ram:SpecifiedTradeProduct/ram:Name")
    assert "A B <C>" in _all(xml, "ram:BuyerTradeParty/ram:Name")


@st.composite
def _tying_contents(draw: st.DrawFn) -> bytes:
    """Any content that ties: kinds, currencies, categories, parts, refunds, credits drawn and given back, AWS tax."""
    decimals = draw(st.sampled_from([0, 2]))
    is_correction = draw(st.booleans())
    is_out_of_scope = draw(st.booleans())

    def money(low: int, high: int) -> str:
        return format(Decimal(draw(st.integers(low, high))).scaleb(-decimals), "f")

    def part() -> dict[str, Any]:
        category, rate = ("O", "0") if is_out_of_scope else draw(
            st.sampled_from([("S", "19"), ("S", "7.7"), ("S", "25.50"), ("Z", "0"), ("E", "0"), ("AE", "0")])
        )  # fmt: skip
        net = money(-(10**8), 10**9)
        credit = money(-(10**6), 10**6) if is_correction else money(min(0, -int(max(Decimal(net), Decimal(0)))), 0)
        return {
            "tax_category": category,
            "tax_name": draw(st.sampled_from(["VAT", None])),
            "tax_rate": rate,
            "exemption_reason": draw(st.sampled_from([None, "Reason & law", "§ 4"])),
            "net_amount": net,
            "credit_amount": credit,
        }

    lines = []
    for number in range(draw(st.integers(1, 5))):
        parts = [part() for _ in range(draw(st.integers(1, 3)))]
        net = format(sum(Decimal(entry["net_amount"]) for entry in parts), "f")
        credit = format(sum(Decimal(entry["credit_amount"]) for entry in parts), "f")
        cause = "restated" if is_correction else ""
        lines.append(example_line(f"line {number}", net, credit=credit, parts=parts, cause=cause))
    if is_out_of_scope and draw(st.booleans()):
        lines.append(example_line("AWS tax", money(1, 10**6), category="O", rate="0", kind="aws_tax"))
    kind = draw(
        st.sampled_from(["credit_note", "supplementary_invoice"] if is_correction else ["invoice", "credit_note"])
    )
    currency = "JPY" if decimals == 0 else draw(st.sampled_from(["EUR", "USD", "PLN"]))
    # One entry per (category, rate), as T3 sums it.
    return example_content(
        _one_tax_each(lines),
        currency=currency,
        minor_units=decimals,
        kind=kind,
        reference=REFERENCE if is_correction else None,
        customer=draw(st.sampled_from([*CUSTOMERS.values(), BELGIAN])),
        issuer=draw(st.sampled_from(list(ISSUERS.values()))),
        accounting_fx=draw(st.sampled_from([None, {"currency": "CZK", "rate": "24.1875", "source": "ČNB"}])),
    )


def _one_tax_each(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        for part in line["parts"]:
            same = first.setdefault((part["tax_category"], part["tax_rate"]), part)
            part.update(tax_name=same["tax_name"], exemption_reason=same["exemption_reason"])
    return lines


@settings(max_examples=40, deadline=None)
@given(content=_tying_contents())
def test_whatever_ties_is_a_valid_invoice(content: bytes) -> None:
    document = Document.parse(content)
    if refusal(document) is not None:
        assert document.customer.tax_id is None or document.issuer.tax_id is None
        return
    xml = electronic_invoice(document)
    assert problems(xml) == []
    assert "DueDateDateTime" in xml.decode() or _one(xml, "ram:SpecifiedTradePaymentTerms/ram:Description")
    sign = -1 if document.kind == "credit_note" else 1
    assert Decimal(_one(xml, "ram:GrandTotalAmount")) == sign * document.totals.total_amount
    accounting = document.accounting_tax_amount
    if accounting is not None:
        expected = (document.totals.tax_amount * Decimal("24.1875")).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert accounting == expected

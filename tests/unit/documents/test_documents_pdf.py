import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from orchestration.documents.content import Document
from orchestration.documents.einvoice import electronic_invoice, refusal
from orchestration.documents.pages import breakable, grouped_iban
from orchestration.documents.pdf import Style, invoice_pdf
from orchestration.errors import DocumentError
from orchestration.sample.documents import CUSTOMERS, ISSUERS, example_content, example_line

# 1 x 1 pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005000"
    "1ff89993d1d0000000049454e44ae426082"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10" fill="#0d4f73"/></svg>'
SYSTEM_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


def _pdf(content: bytes, style: Style | None = None) -> bytes:
    document = Document.parse(content)
    return invoice_pdf(document, None if refusal(document) else electronic_invoice(document), style)


def _reader(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf), strict=True)


def _text(pdf: bytes) -> str:
    text = "\n".join(page.extract_text() for page in _reader(pdf).pages)
    return re.sub(r"[ \u00a0\u202f]+", " ", text.replace("\u200b", ""))


def _kranich(**other: Any) -> dict[str, Any]:
    return {**CUSTOMERS["kranich"], **other}


def test_it_says_what_an_invoice_must_say() -> None:
    lines = [
        example_line(
            "Amazon Elastic Compute Cloud, usage",
            "2184.36",
            credit="-250.00",
            usage=[("BoxUsage:m6i.2xlarge", "2976", "Hrs", "1142.78")],
        ),
        example_line("Workshop", "300.00", category="E", rate="0", tax_name=None, reason="§ 4 Nr. 21 UStG"),
        example_line("Data transfer", "10.00", category="AE", rate="0", tax_name=None),
    ]
    text = _text(_pdf(example_content(lines)))
    for expected in (
        "Rechnung",
        "BWEU-2026-000042",
        "05.10.2026",
        "19.10.2026",
        "01.09.2026 – 30.09.2026",
        "Kranich Logistik AG",
        "Deichtorplatz 3",
        "20095 Hamburg",
        "DE987654328",
        "14 Tage netto",
        "Production",
        "Amazon Elastic Compute Cloud, usage",
        "BoxUsage:m6i.2xlarge 1.142,78",
        "2.184,36",
        "-250,00",
        "1.934,36",
        "2.494,36",
        "Welcome credit 2026",
        "750,00",
        "VAT 19 %",
        "367,53",
        "2.611,89 EUR",
        "E: § 4 Nr. 21 UStG",
        "Steuerschuldnerschaft des Leistungsempfängers",
        "0,8534 EUR für 1 USD",
        "ECB 2026-09-30",
        "DE89 3704 0044 0532 0130 00",
        "Brightwater Cloud Partners GmbH",
        "DE123456788",
        "rechnung@brightwater.example",
        "Seite 1 von 1",
    ):
        assert expected in text, expected


_CAUSE = (
    "Restatement by AWS: delivery 256039471182/cur/2026-09/second of payer 256039471182; "
    "Configuration: pricing_rules.csv, kranich-markup-12 changed"
)


def test_a_credit_note_says_what_it_corrects_and_why() -> None:
    content = example_content(
        [example_line("Amazon EC2", "-123.45", cause=_CAUSE)],
        kind="credit_note",
        number="BWEU-CN-2026-000003",
        reference={"number": "BWEU-2026-000042", "issue_date": "2026-10-05"},
        customer=_kranich(language="en"),
        accounting_fx={"currency": "PLN", "rate": "4.3210", "source": "NBP 188"},
    )
    text = _text(_pdf(content))
    for expected in (
        "Credit note",
        "BWEU-2026-000042 of 5 Oct 2026",
        "Reason: Restated by AWS, Changed terms, prices or particulars",
        "-123.45",
        "146.91 EUR",
        "We offset this amount",
        "Tax in PLN: -101.37 (1 EUR = 4.3210 PLN; NBP 188).",
    ):
        assert expected in text, expected
    assert "IBAN" not in text
    assert "Due date" not in text
    # Names of our rules and accounts are no business of the customer's.
    assert "markup" not in text
    assert "256039471182" not in text


@pytest.mark.parametrize(
    ("currency", "decimals", "net", "language", "total"),
    [
        ("JPY", 0, "1234567", "ja", "1,469,135 JPY"),
        ("KWD", 3, "1234.567", "en", "1,469.135 KWD"),
        ("EUR", 2, "1234567.80", "de-CH", "1’469’135.68 EUR"),
        ("EUR", 2, "1234567.80", "fr", "1 469 135,68 EUR"),
        ("EUR", 2, "1234567.80", "pl", "1 469 135,68 EUR"),
    ],
)
def test_amounts_are_written_as_the_customer_writes_them(
    currency: str, decimals: int, net: str, language: str, total: str
) -> None:
    line = example_line("Amazon EC2", net)
    content = example_content(
        [line], currency=currency, minor_units=decimals, customer=_kranich(language=language, legal_name="K")
    )
    assert total in _text(_pdf(content))


def test_customers_of_other_languages_read_english() -> None:
    text = _text(_pdf(example_content([example_line("Amazon EC2", "1.00")], customer=_kranich(language="pl"))))
    assert "Invoice" in text
    assert "5 Oct 2026" in text


def test_the_same_content_gives_the_same_bytes() -> None:
    content = example_content([example_line("Amazon EC2", "1.00")])
    first = _pdf(content)
    _pdf(example_content([example_line("Amazon S3", "2.00")]))
    assert _pdf(content) == first
    assert str(_reader(first).metadata.creation_date).startswith("2026-10-05 00:00:00")  # type: ignore[union-attr]
    assert _pdf(example_content([example_line("Amazon EC2", "1.01")])) != first


def test_the_electronic_invoice_is_inside() -> None:
    document = Document.parse(example_content([example_line("Amazon EC2", "1.00")]))
    xml = electronic_invoice(document)
    reader = _reader(invoice_pdf(document, xml))
    assert reader.attachments == {"factur-x.xml": [xml]}
    (file,) = (entry.get_object() for entry in reader.root_object["/AF"])
    assert file["/AFRelationship"] == "/Alternative"
    assert file["/EF"]["/F"].get_object()["/Subtype"] == "/text/xml"


def test_it_is_pdf_a_with_the_properties_of_factur_x() -> None:
    pdf = _pdf(example_content([example_line("Amazon EC2", "1.00")]))
    reader = _reader(pdf)
    xmp = reader.root_object["/Metadata"].get_object().get_data().decode()
    for expected in (
        "<pdfaid:part>3<",
        "<pdfaid:conformance>B<",
        "<fx:DocumentType>INVOICE<",
        "<fx:DocumentFileName>factur-x.xml<",
        "<fx:ConformanceLevel>EN 16931<",
        "<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#<",
    ):
        assert expected in xmp, expected
    assert xmp.count("<pdfaExtension:schemas>") == 1
    # The table that was appended leads to the metadata object and back to the table before.
    start = int(re.findall(rb"startxref\n(\d+)", pdf)[-1])
    assert pdf[start:].startswith(b"xref\n")
    number, offset = re.match(rb"xref\n0 1\n0{10} 65535 f \n(\d+) 1\n(\d{10}) 00000 n \ntrailer", pdf[start:]).groups()  # type: ignore[union-attr]
    assert pdf[int(offset) :].startswith(number + b" 0 obj\n")
    assert pdf[int(re.findall(rb"/Prev (\d+)", pdf)[-1]) :].startswith(b"xref\n")


def _fonts(pdf: bytes) -> dict[str, bool]:
    """Return the fonts of all pages and whether their files are embedded."""
    found = {}
    for page in _reader(pdf).pages:
        for font in page["/Resources"]["/Font"].values():
            descendant = font.get_object()["/DescendantFonts"][0].get_object()
            descriptor = descendant["/FontDescriptor"].get_object()
            embedded = any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))
            found[str(descendant["/BaseFont"]).partition("+")[2]] = embedded
    return found


def test_fonts_are_the_packages_own_and_embedded() -> None:
    """Latin, Polish, Greek, Cyrillic and Japanese print the same on a machine without any font."""
    names = ["Żółta Łódź Sp. z o.o.", "Ελληνική Εταιρεία", "ООО «Ромашка»", "株式会社青空ゲームズ 髙島屋"]
    lines = [example_line(name, "1.00") for name in names]
    pdf = _pdf(example_content(lines))
    fonts = _fonts(pdf)
    assert set(fonts) == {"SourceSans3-Regular", "SourceSans3-SemiBold", "NotoSansJP-Regular"}
    assert all(fonts.values())
    for name in names:
        assert name in _text(pdf)


def test_a_script_without_font_is_named_and_can_be_added(tmp_path: Path) -> None:
    content = example_content([example_line("Amazon EC2", "1.00")], customer=_kranich(legal_name="Երեւան"))
    with pytest.raises(DocumentError, match=r"BWEU-2026-000042 cannot be printed: no font has Ե.*billing/fonts"):
        _pdf(content)
    if not SYSTEM_FONT.exists():
        pytest.skip("no font with Armenian on this machine")
    (tmp_path / "fonts").mkdir()
    shutil.copy(SYSTEM_FONT, tmp_path / "fonts")
    assert "Երեւան" in _text(_pdf(content, Style.of_issuer(tmp_path, "brightwater-eu")))


def test_many_lines_go_over_many_pages() -> None:
    lines = [example_line(f"Amazon service {number}, usage", f"{number}.10") for number in range(1, 301)]
    reader = _reader(_pdf(example_content(lines, customer=_kranich(language="en"))))
    pages = [re.sub(r"[ \u00a0]+", " ", page.extract_text()) for page in reader.pages]
    assert len(pages) > 5
    for number, text in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in text
        assert ("Description" in text) == ("Amazon service" in text)
    assert all("Invoice BWEU-2026-000042" in text for text in pages[1:])
    everything = "\n".join(pages)
    assert [f"Amazon service {number}, usage" in everything for number in range(1, 301)] == [True] * 300
    assert "53,764.20 EUR" in pages[-1]


@pytest.mark.parametrize("name", ["Gesellschaft " + "sehr lange Namen und " * 9, "x" * 200, "https://" + "a/b." * 48])
def test_very_long_names_stay_on_the_paper(name: str) -> None:
    name = name.strip()[:200]
    line = example_line(name, "1.00")
    pdf = _pdf(example_content([line], customer=_kranich(legal_name=name), number="N-" + "9" * 60))
    ends: list[float] = []

    def visit(text: str, _cm: list[float], matrix: list[float], _font: object, size: float) -> None:
        # The widest letter is about as wide as it is high; half of that is more than an average one.
        ends.extend(matrix[4] + len(word.strip()) * size * abs(matrix[0]) * 0.5 for word in text.split("\n"))

    reader = _reader(pdf)
    for page in reader.pages:
        page.extract_text(visitor_text=visit)
    assert max(ends) < float(reader.pages[0].mediabox.width) - 30
    assert re.sub(r"\s", "", name) in re.sub(r"\s", "", _text(pdf))


def test_a_draft_is_marked_and_has_no_electronic_invoice() -> None:
    content = example_content([example_line("Amazon EC2", "1.00")], number=None, issue_date=None, due_date=None)
    pdf = _pdf(content)
    assert "Dies ist eine Vorschau. Sie ist keine Rechnung" in _text(pdf)
    assert "IBAN" not in _text(pdf).partition("Hinweise")[0]
    assert _reader(pdf).attachments == {}


def test_aws_tax_stands_under_tax_and_not_among_the_lines() -> None:
    lines = [
        example_line("Amazon EC2", "100.00", category="O", rate="0", tax_name=None),
        example_line("US sales tax", "8.25", category="O", rate="0", kind="aws_tax"),
    ]
    text = _text(
        _pdf(example_content(lines, customer=CUSTOMERS["lumen"], issuer=ISSUERS["brightwater-us"], currency="USD"))
    )
    table, _, rest = text.partition("Total before tax")
    assert "US sales tax" not in table
    assert "Tax charged by AWS, passed on at cost" in rest
    assert "108.25 USD" in rest
    assert "Oct 5, 2026" in text


def test_paper_is_the_customers() -> None:
    line = example_line("Amazon EC2", "1.00")
    american = _reader(_pdf(example_content([line], customer=CUSTOMERS["lumen"], currency="USD"))).pages[0].mediabox
    german = _reader(_pdf(example_content([line]))).pages[0].mediabox
    assert (round(american.width), round(american.height)) == (612, 792)
    assert (round(german.width), round(german.height)) == (595, 842)


@pytest.mark.parametrize(("ending", "logo"), [("svg", SVG), ("png", PNG)])
def test_the_logo_takes_the_place_of_the_name(tmp_path: Path, ending: str, logo: bytes) -> None:
    (tmp_path / "logos").mkdir()
    (tmp_path / "logos" / f"brightwater-eu.{ending}").write_bytes(logo)
    content = example_content([example_line("Amazon EC2", "1.00")])
    style = Style.of_issuer(tmp_path, "brightwater-eu")
    assert Style.of_issuer(tmp_path, "brightwater-us") == Style()
    with_logo, without = _pdf(content, style), _pdf(content)
    assert _pdf(content, style) == with_logo
    name = "Brightwater Cloud Partners GmbH"
    assert _text(with_logo).count(name) == _text(without).count(name) - 1


def test_a_logo_that_is_no_image_is_named(tmp_path: Path) -> None:
    content = example_content([example_line("Amazon EC2", "1.00")])
    for name, data in (("logo.png", b"GIF89a"), ("logo.svg", b"<html")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DocumentError, match=name):
            _pdf(content, Style(logo=tmp_path / name))


def test_text_is_never_taken_for_markup() -> None:
    line = example_line('#panic("x") *bold* $x$ \\ <label> @ref // no comment', "1.00")
    assert 'panic("x") *bold* $x$ \\ <label> @ref // no comment' in _text(_pdf(example_content([line])))


def test_control_characters_do_not_stop_the_print() -> None:
    content = json.loads(example_content([example_line("a\tb\u0007c\u0000d", "1.00")]))
    raw = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert "a b c d" in _text(_pdf(raw))


def test_iban_is_grouped() -> None:
    assert grouped_iban("DE89 370400440532013000").split() == ["DE89", "3704", "0044", "0532", "0130", "00"]


@pytest.mark.parametrize(
    ("text", "expected"), [("short-word here", "short-word here"), ("a" * 30, "a" * 27 + "\u200baaa")]
)
def test_only_long_words_may_break(text: str, expected: str) -> None:
    assert breakable(text) == expected

"""PDF of a document: PDF/A-3b, all fonts embedded, with the electronic invoice inside as Factur-X asks.

What is here: ``Style``, ``invoice_pdf`` and ``letter_pdf``, on the templates and fonts of this package.
When to add here: another property of the file itself.
What does not belong here: what is printed (``pages``, ``letters``) and how it looks (``templates``).
"""

import base64
import json
import re
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import typst

from orchestration.documents.content import Document
from orchestration.documents.pages import invoice_page
from orchestration.errors import DocumentError

__all__ = ["Style", "invoice_pdf", "pdf_of_page"]

_FOLDER = Path(__file__).parent
# A compiler serves one thread at a time; pages that show previews have several.
_COMPILING = Lock()
_FACTUR_X = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"


@dataclass(frozen=True)
class Style:
    """What a reseller brings to the look of its documents.

    Attributes:
        logo: SVG or PNG file; without it the issuer's name stands in its place.
        fonts: folder with more fonts, for scripts that the package's fonts lack (they have Latin, Greek, Cyrillic and
            Japanese). The system's fonts are never used: the same content would look different elsewhere.
    """

    logo: Path | None = None
    fonts: Path | None = None

    @classmethod
    def of_issuer(cls, billing: Path, issuer_id: str) -> "Style":
        """Return the style kept in the billing folder: ``logos/<issuer_id>.svg`` or ``.png``, and ``fonts/``."""
        logos = [billing / "logos" / f"{issuer_id}.{ending}" for ending in ("svg", "png")]
        fonts = billing / "fonts"
        return cls(logo=next((logo for logo in logos if logo.is_file()), None), fonts=fonts if fonts.is_dir() else None)


def invoice_pdf(document: Document, xml: bytes | None, style: Style | None = None) -> bytes:
    """Return the PDF of a document; the same content and style give the same bytes.

    Args:
        document: what to print.
        xml: its electronic invoice, attached as ``factur-x.xml``; None where it has none.
        style: logo and fonts; none by default.

    Raises:
        DocumentError: the logo is no image, or no font has a character.
    """
    inputs = {} if xml is None else {"xml": xml.decode("utf-8")}
    name = document.number or "without number"
    # The day is the document's own, so that rendering it again next year gives the same file.
    day = document.issue_date or document.service_period_end
    pdf = pdf_of_page("invoice.typ", invoice_page(document), inputs, day=day, name=name, style=style or Style())
    return pdf if xml is None else _with_factur_x_metadata(pdf)


def pdf_of_page(
    template: str, page: dict[str, Any], inputs: dict[str, str], *, day: date, name: str, style: Style
) -> bytes:
    """Return the PDF/A-3b that a template makes of a page's data.

    Args:
        template: file in ``templates/``.
        page: its data.
        inputs: other texts that it reads.
        day: date written into the file.
        name: what a message calls the document.
        style: logo and fonts; none by default.

    Raises:
        DocumentError: see ``invoice_pdf``.
    """
    everything = {"data": json.dumps(_printable(page), ensure_ascii=False), **inputs}
    if style.logo is not None:
        everything["logo"] = _logo(style.logo, style.logo.stat().st_mtime_ns)
    try:
        with _COMPILING:
            pdf = _compiler(style.fonts).compile(
                input=_FOLDER / "templates" / template,
                format="pdf",
                sys_inputs=everything,
                pdf_standards="a-3b",
                timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC),
            )
    except typst.TypstError as error:
        raise DocumentError(_explain(error, name, style)) from None
    assert isinstance(pdf, bytes)
    return pdf


def _printable(value: Any) -> Any:
    """Return the data without control characters, which no font can show."""
    if isinstance(value, str):
        return re.sub(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]", " ", value)
    if isinstance(value, dict):
        return {key: _printable(inner) for key, inner in value.items()}
    return [_printable(inner) for inner in value] if isinstance(value, list) else value


@cache
def _compiler(fonts: Path | None) -> typst.Compiler:
    folders = [_FOLDER / "fonts", *([fonts] if fonts else [])]
    found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
    return typst.Compiler(root=_FOLDER / "templates", font_paths=found)


@cache
def _logo(path: Path, _changed: int) -> str:
    """Return the logo as SVG; a PNG is wrapped, since the template takes text only."""
    content = path.read_bytes()
    if path.suffix.lower() == ".svg":
        return content.decode("utf-8")
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise DocumentError(f"{path} is no PNG and no SVG file. Put the logo there as one of them.")
    width, height = struct.unpack(">II", content[16:24])
    data = base64.b64encode(content).decode("ascii")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{data}"/></svg>'
    )


def _explain(error: typst.TypstError, name: str, style: Style) -> str:
    missing = dict.fromkeys(
        re.findall(r'the text `"(.+?)"` could not be displayed', f"{error.message}\n{error.diagnostic}")
    )
    if missing:
        return (
            f"Document {name} cannot be printed: no font has {', '.join(missing)}. "
            f"Put a font file that has {'it' if len(missing) == 1 else 'them'} into the folder billing/fonts."
        )
    about_logo = f" The logo is {style.logo}." if style.logo is not None else ""
    return f"Document {name} cannot be printed: {error.message}.{about_logo}"


def _with_factur_x_metadata(pdf: bytes) -> bytes:
    """Return the PDF with the XMP properties by which programs recognise Factur-X; typst cannot write them.

    They are appended as an incremental update, as PDF/A allows: the metadata object again, and a table that says where.
    """
    found = re.search(rb"\n(\d+) 0 obj\n<</Length \d+/Type/Metadata/Subtype/XML>>\nstream\n(.*?)\nendstream", pdf, re.S)
    end = re.search(rb"trailer\n<<(.*)>>\nstartxref\n(\d+)\n%%EOF\s*$", pdf, re.S)
    if found is None or end is None:
        raise AssertionError("typst writes its metadata or its table in another way than this was made for")
    number, packet = found.groups()
    packet = packet.replace(b"</rdf:Bag></pdfaExtension:schemas>", _SCHEMA + b"</rdf:Bag></pdfaExtension:schemas>", 1)
    packet = packet.replace(b"</rdf:RDF>", _PROPERTIES + b"</rdf:RDF>", 1)
    body = pdf.rstrip(b"\n") + b"\n"
    start = len(body)
    body += b"%s 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%s\nendstream\nendobj\n" % (
        number,
        len(packet),
        packet,
    )
    table = len(body)
    # An entry of the table has exactly 20 bytes; the first heads the list of free objects.
    body += b"xref\n0 1\n0000000000 65535 f \n%s 1\n%010d 00000 n \n" % (number, start)
    return body + b"trailer\n<<%s/Prev %s>>\nstartxref\n%d\n%%%%EOF\n" % (end[1], end[2], table)


def _property(name: str, description: str) -> str:
    return (
        '<rdf:li rdf:parseType="Resource"><pdfaProperty:category>external</pdfaProperty:category>'
        f"<pdfaProperty:description>{description}</pdfaProperty:description>"
        f"<pdfaProperty:name>{name}</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType></rdf:li>"
    )


_SCHEMA = (
    '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
    f"<pdfaSchema:namespaceURI>{_FACTUR_X}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
    "<pdfaSchema:property><rdf:Seq>"
    + _property("DocumentFileName", "Name of the embedded XML invoice file")
    + _property("DocumentType", "Type of the hybrid document")
    + _property("Version", "Version of the XML data format")
    + _property("ConformanceLevel", "Conformance level of the XML data")
    + "</rdf:Seq></pdfaSchema:property></rdf:li>"
).encode("ascii")

_PROPERTIES = (
    f'<rdf:Description rdf:about="" xmlns:fx="{_FACTUR_X}"><fx:DocumentType>INVOICE</fx:DocumentType>'
    "<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName><fx:Version>1.0</fx:Version>"
    "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>"
).encode("ascii")

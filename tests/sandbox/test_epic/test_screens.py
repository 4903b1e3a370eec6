"""The pages of the Epic stand-in: Hyperspace, MyChart, client records and FDI records."""

import requests
from bs4 import BeautifulSoup

from tests.sandbox.standins import Sandbox
from tests.sandbox.test_epic.client import PROVIDER, REDIRECT, Epic


def test_a_button_is_off_with_its_reason_until_the_record_is_pasted(epic: Epic) -> None:
    production = f"{epic.url}/interconnect-prd"
    browser = requests.Session()
    browser.post(f"{production}/mychart/sign-in", data={"person": "mychart:pia"}, timeout=10)
    button = BeautifulSoup(browser.get(f"{production}/mychart", timeout=10).text, "html.parser").select_one(
        ".visit button"
    )
    assert button is not None
    assert button.has_attr("disabled")
    pasted = {"record": "URL=http://a.example/x\nCLIENTID=c\nLAUNCHTYPE=1\nCONTEXT=s=%CSN%"}
    assert "Saved" in requests.post(f"{production}/fdi/patient", data=pasted, timeout=10).text
    page = BeautifulSoup(browser.get(f"{production}/mychart", timeout=10).text, "html.parser")
    assert not page.select(".visit button[disabled]")


def test_pressing_a_button_opens_the_app_as_the_launch_type_says(epic: Epic) -> None:
    browser = requests.Session()
    browser.post(f"{epic.root}/hyperspace/sign-in", data={"person": "hyperspace:CMENDES"}, timeout=10)
    browser.post(f"{epic.root}/mychart/sign-in", data={"person": "mychart:pia"}, timeout=10)
    pressed = {"slot": "provider", "csn": "770011"}
    framed = browser.post(f"{epic.root}/hyperspace/launch", data=pressed, timeout=10)
    frame = BeautifulSoup(framed.text, "html.parser").select_one("iframe")
    assert frame is not None
    assert str(frame["src"]).startswith("http://127.0.0.1:9/launch/ref/provider/?iss=")
    pressed = {"slot": "patient", "csn": "770011"}
    answer = browser.post(f"{epic.root}/mychart/launch", data=pressed, allow_redirects=False, timeout=10)
    assert answer.headers["Location"].startswith("http://127.0.0.1:9/launch/ref/patient/?iss=")


def test_a_new_visit_has_a_new_csn_and_can_be_launched(epic: Epic) -> None:
    added = {"clinician": "hyperspace:DKIM", "patient": "p-ash", "reason": "Cough"}
    requests.post(f"{epic.root}/hyperspace/visits", data=added, timeout=10)
    token = epic.launched(user="DKIM", csn="780001")
    assert (token["patient"], token["sessionId"]) == ("p-ash", "780001")


def test_a_bad_paste_changes_nothing_and_names_what_is_missing(epic: Epic) -> None:
    answer = requests.post(f"{epic.root}/fdi/provider", data={"record": "URL\thttps://a.example/x"}, timeout=10)
    assert answer.status_code == 400
    assert "CLIENTID is missing. LAUNCHTYPE is missing. CONTEXT is missing." in answer.text
    assert epic.launch()


def test_a_pasted_block_fills_a_client_record_and_leaves_the_rest(epic: Epic) -> None:
    block = f"REDIRECT {REDIRECT}\n  https://b.example/cb \nJWKS https://b.example/jwks\n"
    answer = requests.post(f"{epic.root}/clients/{PROVIDER}/paste", data={"block": block}, timeout=10)
    assert "Saved" in answer.text
    kept = requests.put(f"{epic.console}/clients/{PROVIDER}", json={}, timeout=10).json()
    assert kept["redirect_uris"] == [REDIRECT, "https://b.example/cb"]
    assert (kept["jwks_url"], kept["authentication"]) == ("https://b.example/jwks", "private_key_jwt")


def test_reset_forgets_records_calls_and_switches(epic: Epic, running: Sandbox) -> None:
    epic.switch(no_openid=True)
    running.reset("epic")
    assert (
        requests.post(
            f"{epic.console}/launches", json={"record": "provider", "user": "CMENDES"}, timeout=10
        ).status_code
        == 409
    )
    assert requests.get(f"{epic.root}/oauth2/.well-known/openid-configuration", timeout=10).ok

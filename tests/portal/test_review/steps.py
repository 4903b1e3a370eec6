"""What the tests of the records' pages start from and read."""

from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from connector.models import Connection, Organization
from tests.portal.steps import words
from tests.visits import factories

PATIENT_ID, PROVIDER_ID = "patient-app-1", "provider-app-1"


def approved(of: Organization | None = None, patient_client_id: str = PATIENT_ID) -> Connection:
    made = factories.connection(of)
    ids = {"provider_client_id": PROVIDER_ID, "backend_client_id": "backend-app-1"}
    factories.approve(made, codes=None, patient_client_id=patient_client_id, **ids)
    return made


def shown(client: Client, name: str, *arguments: str) -> BeautifulSoup:
    answer = client.get(reverse(name, args=arguments))
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def checked(client: Client, connection: Connection, pasted: str, only: str = "") -> BeautifulSoup:
    address = reverse("record_check", args=[connection.ref])
    answer = client.post(address, {"pasted": pasted, "only": only})
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def answer_for(page: BeautifulSoup, mnemonic: str) -> str:
    """What the checker says of a field."""
    row = next(row for row in page.select(".checked tbody tr") if row.th and words(row.th) == mnemonic)
    return " ".join(words(cell) for cell in row.find_all("td"))

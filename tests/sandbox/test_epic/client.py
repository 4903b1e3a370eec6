"""How the tests speak to the Epic stand-in: as an app that launches, as an app's key server, and as a tester."""

import base64
import hashlib
import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

PROVIDER, PATIENT, BACKEND = (f"7d2c9f0a-1111-4c11-8a11-0000000000{ending}" for ending in ("01", "02", "03"))
REDIRECT = "http://127.0.0.1:9/launch/ref/provider/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = "openid profile fhirUser launch user/Patient.read user/Appointment.rs user/Organization.read"
CONTEXT = "sessionId=%CSN%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%&odd=%FOO%&user=%EPICUSERID%"
STATUS = "/api/epic/2018/Telehealth/ContextLinking/SetExternalConnectionStatus"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Json = dict[str, Any]


class Epic:
    """One instance of the stand-in, as an app and a tester speak to it."""

    def __init__(self, url: str, instance: str = "interconnect-tst") -> None:
        self.url, self.root, self.console = url, f"{url}/{instance}", f"{url}/sandbox/{instance}"
        self.base, self.token_url = f"{self.root}/api/FHIR/R4", f"{self.root}/oauth2/token"

    def client(self, client_id: str, **changes: Any) -> Json:
        """Change a client record; it gets the tests' redirect URI."""
        changes.setdefault("redirect_uris", [REDIRECT])
        return json_of(requests.put(f"{self.console}/clients/{client_id}", json=changes, timeout=10))

    def secret(self, client_id: str = PROVIDER) -> str:
        """The client's secret, which is from now on how it proves itself."""
        return str(self.client(client_id, authentication="client_secret")["secret"])

    def paste(self, slot: str, client_id: str, launch_type: str) -> None:
        """Paste an integration record with the tests' CONTEXT."""
        url = f"http://127.0.0.1:9/launch/ref/{slot}/"
        record = {"URL": url, "CLIENTID": client_id, "LAUNCHTYPE": launch_type, "CONTEXT": CONTEXT}
        json_of(requests.put(f"{self.console}/records/{slot}", json=record, timeout=10))

    def launch(self, record: str = "provider", user: str = "CMENDES", csn: str = "770011") -> str:
        """Press a button: the launch token."""
        asked = {"record": record, "user": user, "csn": csn}
        url = json_of(requests.post(f"{self.console}/launches", json=asked, timeout=10))["url"]
        query = parse_qs(urlsplit(url).query)
        assert query["iss"] == [self.base]
        return query["launch"][0]

    def authorize(self, **changes: str | None) -> requests.Response:
        """A good authorization request but for the changes; None leaves a parameter out."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": PROVIDER,
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "state": "state-1",
            "nonce": "nonce-1",
            "aud": self.base,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        url = f"{self.root}/oauth2/authorize"
        return requests.get(url, params=asked | changes, allow_redirects=False, timeout=10)

    def code(self, **changes: str | None) -> str:
        """The code of an authorization request that succeeds."""
        answer = sent_back(self.authorize(**changes))
        assert answer["state"] == "state-1"
        return answer["code"]

    def token(self, code: str, auth: tuple[str, str] | None = None, **changes: str) -> requests.Response:
        """Redeem a code."""
        asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        return requests.post(self.token_url, data=asked | changes, auth=auth, timeout=10)

    def launched(self, client_id: str = PROVIDER, **launch: str) -> Json:
        """The token response of a whole launch, by client secret."""
        secret = self.secret(client_id)
        code = self.code(launch=self.launch(**launch), client_id=client_id)
        return json_of(self.token(code, client_id=client_id, client_secret=secret))

    def identity(self, token: Json, audience: str = PROVIDER) -> Json:
        """The claims of a token response's id_token, verified with the published key."""
        found = json_of(requests.get(f"{self.base}/.well-known/smart-configuration", timeout=10))
        key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token["id_token"])
        claims: Json = jwt.decode(token["id_token"], key, ["RS256"], audience=audience, issuer=found["issuer"])
        return claims

    def read(self, reference: str, token: str | None) -> requests.Response:
        """Read a resource as JSON."""
        headers = {"Accept": "application/fhir+json"} | (bearer(token) if token else {})
        return requests.get(f"{self.base}/{reference}", headers=headers, timeout=10)

    def switch(self, **switches: bool) -> None:
        """Turn switches on or off."""
        json_of(requests.post(f"{self.url}/sandbox/switches", json=switches, timeout=10))

    def status(self, token: str, **changes: str) -> requests.Response:
        """A good call of the status service but for the changes."""
        call = {
            "ConferenceID": "770011",
            "ExternalID": " 165790",
            "ExternalIDType": "1",
            "VendorName": "Teams",
            "ConnectionStatus": "1",
        }
        return requests.get(f"{self.root}{STATUS}", params=call | changes, headers=bearer(token), timeout=10)

    def calls(self) -> list[Json]:
        """The status calls that came in."""
        found: list[Json] = requests.get(f"{self.console}/status", timeout=10).json()
        return found


class Keys:
    """An app's signing keys, and the JWKS URL that publishes them."""

    def __init__(self, url: str) -> None:
        self.url, self.fetches = url, 0
        self.public: list[Json] = []
        self.private: dict[str, Any] = {}

    def add(self, kid: str, key: Any) -> None:
        """Publish a key."""
        algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
        self.private[kid] = key
        self.public.append(algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid})

    def assertion(self, audience: str, kid: str = "rsa", alg: str = "RS384", **changes: Any) -> str:
        """A good client assertion of the backend client but for the changes."""
        claims = {
            "iss": BACKEND,
            "sub": BACKEND,
            "aud": audience,
            "jti": secrets.token_hex(8),
            "exp": int(time.time()) + 240,
        }
        return jwt.encode(claims | changes, self.private[kid], algorithm=alg, headers={"kid": kid})


def json_of(response: requests.Response) -> Json:
    """The JSON object of a response that must have succeeded."""
    assert response.ok, response.text
    body: Json = response.json()
    return body


def sent_back(response: requests.Response) -> dict[str, str]:
    """The query with which the browser is sent back to the app."""
    assert response.status_code == 302, response.text
    location = response.headers["Location"]
    assert location.startswith(f"{REDIRECT}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def bearer(token: str) -> dict[str, str]:
    """The header that carries an access token."""
    return {"Authorization": f"Bearer {token}"}

"""What servers say of sign-in and launch."""

from tests.connector.test_preflight.behaviours.replies import (
    FALLBACK,
    HALF,
    LOGIN,
    NO_ENDPOINTS,
    NOT_FOUND,
    Behaviour,
    configuring,
)
from tests.connector.test_preflight.ehr import CONFIGURATION, HEALTHY, KEYS, OPEN_ID, OPENID, STATED, without
from tests.servers import Reply

SIGN_IN_ROWS = [
    # SMART
    Behaviour("no smart-configuration, before August 2021", CONFIGURATION, NOT_FOUND, FALLBACK),
    Behaviour("a login page for a smart-configuration", CONFIGURATION, LOGIN, FALLBACK),
    Behaviour("half a smart-configuration", CONFIGURATION, Reply('{"token_endpoint":'), FALLBACK),
    Behaviour("401 on smart-configuration", CONFIGURATION, Reply(status=401), FALLBACK),
    Behaviour("endpoints of the wrong type", CONFIGURATION, configuring(token_endpoint=7), HALF),
    Behaviour("endpoints nobody can call", CONFIGURATION, configuring(token_endpoint="https://[bad"), HALF),
    Behaviour(
        "503 on smart-configuration",
        CONFIGURATION,
        Reply(status=503),
        NO_ENDPOINTS | STATED | {"smart-unavailable": "blocks"},
    ),
    Behaviour(
        "plain PKCE alone",
        CONFIGURATION,
        configuring(code_challenge_methods_supported=["plain"]),
        without("pkce-s256") | {"pkce-missing": "warns"},
    ),
    Behaviour(
        "scopes_supported that lists almost nothing",
        CONFIGURATION,
        configuring(scopes_supported=["openid"]),
        HEALTHY,
    ),
    Behaviour(
        "secrets alone",
        CONFIGURATION,
        configuring(token_endpoint_auth_methods_supported=["client_secret_basic"]),
        without("client-auth-fits") | {"client-auth-unlike": "warns"},
    ),
    Behaviour(
        "no client authentication named",
        CONFIGURATION,
        configuring(token_endpoint_auth_methods_supported=None),
        without("client-auth-fits") | {"client-auth-unlisted": "info"},
    ),
    Behaviour(
        "other algorithms",
        CONFIGURATION,
        configuring(token_endpoint_auth_signing_alg_values_supported=["HS256"]),
        without("algorithms-fits") | {"algorithms-unlike": "warns"},
    ),
    Behaviour(
        "no algorithms named",
        CONFIGURATION,
        configuring(token_endpoint_auth_signing_alg_values_supported="RS384"),
        without("algorithms-fits") | {"algorithms-unlisted": "info"},
    ),
    Behaviour(
        "no capabilities",
        CONFIGURATION,
        configuring(capabilities=None),
        without("launch-listed") | {"launch-unlisted": "info"},
    ),
    Behaviour(
        "a token endpoint without TLS",
        CONFIGURATION,
        configuring(token_endpoint="http://elsewhere.example/token"),
        without("backend-token") | {"endpoint-http": "blocks", "backend-unavailable": "warns"},
    ),
    # OpenID
    Behaviour(
        "no OpenID, before November 2019",
        CONFIGURATION,
        configuring(issuer=None, jwks_uri=None),
        without(*OPEN_ID) | {"openid-missing": "info"},
    ),
    Behaviour(
        "an issuer that calls itself otherwise",
        OPENID,
        Reply({"issuer": "https://other.example"}),
        without("openid-found") | {"openid-mismatch": "blocks"},
    ),
    Behaviour(
        "an issuer that calls itself with a slash at the end",
        OPENID,
        lambda ehr: Reply({"issuer": f"{ehr.issuer}/"}),
        HEALTHY,
    ),
    Behaviour("no openid-configuration", OPENID, NOT_FOUND, without("openid-found") | {"openid-unreadable": "warns"}),
    Behaviour("keys named by the issuer alone", CONFIGURATION, configuring(jwks_uri=None), HEALTHY),
    Behaviour(
        "keys named by nobody",
        (CONFIGURATION, OPENID),
        configuring(jwks_uri=None),
        without("keys-found") | {"keys-not-named": "blocks"},
    ),
    Behaviour("keys behind a login", KEYS, LOGIN, without("keys-found") | {"keys-unreadable": "blocks"}),
    Behaviour(
        "keys for encryption alone",
        KEYS,
        Reply({"keys": [{"kty": "RSA", "use": "enc", "n": "AQ", "e": "AQAB"}, 7, {"kty": ["RSA"]}]}),
        without("keys-found") | {"keys-none": "blocks"},
    ),
]

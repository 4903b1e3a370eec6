"""The tables that Django and django-allauth bring along. Most stay empty: the connector has no use for them."""

from connector.data_map.shapes import codes, identifiers, secrets, table, technical, times

EMPTY = "Never filled"
FIXED = "As long as the deployment: names of models, the same everywhere"

TABLES = (
    table(
        "sessions.Session",
        "A portal session, or the state of a Microsoft sign-in; clinicians and patients have none",
        "Eight hours after the last change, then until the next hour's sweep",
        secrets(session_key="Names the session; the cookie holds it"),
        identifiers(session_data="Signed: account number, what a page says next, state and PKCE verifier of a sign-in"),
        times(expire_date="Good until"),
    ),
    table(
        "socialaccount.SocialAccount",
        "django-allauth's own row of a Microsoft account",
        "Until the organization is ended",
        technical(id="Row"),
        identifiers(user="Whose", uid="Tenant and object id"),
        codes(provider="Microsoft", extra_data="Empty"),
        times(last_login="Last sign-in", date_joined="First"),
    ),
    table(
        "socialaccount.SocialToken",
        "Tokens of accounts: not kept",
        EMPTY,
        technical(id="Row"),
        identifiers(app="Of which", account="Whose"),
        secrets(token="Empty", token_secret="Empty"),  # noqa: S106 -- names of columns
        times(expires_at="Empty"),
    ),
    table(
        "socialaccount.SocialApp",
        "Sign-in providers: they stand in the settings",
        EMPTY,
        technical(id="Row"),
        identifiers(provider="Empty", provider_id="Empty", name="Empty", client_id="Empty"),
        secrets(secret="Empty", key="Empty"),  # noqa: S106 -- names of columns
        codes(settings="Empty"),
    ),
    table(
        "account.EmailAddress",
        "Mail addresses of accounts: not kept",
        EMPTY,
        technical(id="Row"),
        identifiers(user="Empty", email="Empty"),
        codes(verified="Empty", primary="Empty"),
    ),
    table(
        "account.EmailConfirmation",
        "Confirmations of mail addresses: none are sent",
        EMPTY,
        technical(id="Row"),
        identifiers(email_address="Empty"),
        secrets(key="Empty"),
        times(created="Empty", sent="Empty"),
    ),
    table(
        "auth.Permission",
        "Django's permissions: not used",
        FIXED,
        technical(id="Row", content_type="Of which model"),
        codes(name="Words", codename="Word"),
    ),
    table("auth.Group", "Django's groups: not used", EMPTY, technical(id="Row"), codes(name="Empty")),
    table(
        "auth.Group_permissions",
        "Which group has which permission: not used",
        EMPTY,
        technical(id="Row", group="Empty", permission="Empty"),
    ),
    table(
        "contenttypes.ContentType",
        "Names of models",
        FIXED,
        technical(id="Row"),
        codes(app_label="Word", model="Word"),
    ),
)

"""Texts of the checks of sign-in and launch."""

from django.utils.translation import gettext_lazy as _

from connector.ehr.preflight.shapes import Explanation
from connector.ehr.preflight.texts.who import ADMINISTRATOR, ANALYST, EHR_OPERATIONS, NOBODY

SIGN_IN = {
    "smart-configuration": Explanation(
        _("The EHR names its sign-in"),
        _("Its smart-configuration tells where people sign in and where tokens come from."),
    ),
    "smart-metadata": Explanation(
        _("The EHR names its sign-in only in its metadata"),
        _("This is usual for DSTU2, and for Epic before August 2021. Launches work."),
        _("Nothing. With a later release, use the base URL of R4."),
        NOBODY,
    ),
    "smart-unavailable": Explanation(
        _("The EHR did not say where people sign in"),
        _("It did not answer in time, or with an error that may pass. A launch would now fail in the same way."),
        _("Check again later. If it stays, look at the address named here."),
        EHR_OPERATIONS,
    ),
    "smart-missing": Explanation(
        _("The EHR names no sign-in"),
        _("Neither its smart-configuration nor its metadata tells where people sign in."),
        _("Check the base URL: a read-only or open one has no sign-in. If it is right, switch on SMART on FHIR."),
        EHR_OPERATIONS,
    ),
    "endpoint-http": Explanation(
        _("Sign-in goes without TLS"),
        _("The EHR names a sign-in or token address that begins with http. Codes and tokens could be read."),
        _("Let the EHR name its public https addresses. Behind a proxy it may have to be told them."),
        EHR_OPERATIONS,
    ),
    "pkce-s256": Explanation(
        _("The EHR knows S256"),
        _("A code that was caught on the way is of no use to anybody else."),
    ),
    "pkce-missing": Explanation(
        _("The EHR does not name S256"),
        _("Epic knows it since August 2019, and names it since August 2021. Launches then go without this protection."),
        _("Nothing on old releases. On later ones, switch on PKCE with S256."),
        EHR_OPERATIONS,
    ),
    "client-auth-fits": Explanation(
        _("The EHR takes signed proof from the connector"),
        _("private_key_jwt is listed, so no secret has to be kept on both sides."),
    ),
    "client-auth-unlike": Explanation(
        _("The EHR does not list private_key_jwt"),
        _("The connector signs unless it is told otherwise, and this EHR may refuse that."),
        _("Ask your EHR's technical contact. If only secrets are taken, choose client secret in the settings."),
        ANALYST,
    ),
    "client-auth-unlisted": Explanation(
        _("The EHR does not say how applications prove themselves"),
        _("This is usual on old releases. Whether keys are taken shows when somebody signs in."),
        _("Nothing, unless signing in fails."),
        NOBODY,
    ),
    "algorithms-fits": Explanation(
        _("The EHR takes the connector's signatures"),
        _("RS384 or ES384 is listed."),
    ),
    "algorithms-unlike": Explanation(
        _("The EHR lists other signature algorithms"),
        _("Neither RS384 nor ES384 is among them, though SMART wants both."),
        _("Ask your EHR's technical contact whether RS384 is taken."),
        ANALYST,
    ),
    "algorithms-unlisted": Explanation(
        _("The EHR does not list signature algorithms"),
        _("This is usual. RS384 is taken by every Epic release."),
        _("Nothing, unless signing in fails."),
        NOBODY,
    ),
    "launch-listed": Explanation(
        _("The EHR launches applications"),
        _("launch-ehr is among its capabilities."),
    ),
    "launch-unlisted": Explanation(
        _("The EHR says nothing of launching"),
        _("Epic lists little, and old releases list nothing. This proves nothing either way."),
        _("Nothing. A test visit shows whether launches work."),
        NOBODY,
    ),
    "openid-found": Explanation(
        _("The EHR says who signs in"),
        _("OpenID Connect is there, and the issuer's own document agrees."),
    ),
    "openid-missing": Explanation(
        _("The EHR does not say who signs in"),
        _("There is no OpenID Connect here. A person's kind then comes from the client id alone."),
        _("Give clinicians and patients different client ids. On Epic November 2019 or later, use R4."),
        ANALYST,
    ),
    "openid-unreadable": Explanation(
        _("The issuer's own document cannot be read"),
        _("Whether issuer and EHR agree could not be compared."),
        _("Let everybody read openid-configuration below the issuer's address."),
        EHR_OPERATIONS,
    ),
    "openid-mismatch": Explanation(
        _("The issuer calls itself otherwise"),
        _("Who signs in is believed only from the issuer that the EHR names. Here the two differ."),
        _("Let smart-configuration and openid-configuration name the same issuer, letter by letter."),
        EHR_OPERATIONS,
    ),
    "keys-found": Explanation(
        _("The issuer's keys can be had"),
        _("With them the connector verifies who signed in."),
    ),
    "keys-not-named": Explanation(
        _("Nobody says where the issuer's keys are"),
        _("Without them nobody who signs in can be verified, and launches fail."),
        _("Add jwks_uri to smart-configuration or openid-configuration."),
        EHR_OPERATIONS,
    ),
    "keys-unreadable": Explanation(
        _("The issuer's keys cannot be had"),
        _("Without them nobody who signs in can be verified, and launches fail."),
        _("Let everybody read the address named here, also through the proxy in front of the EHR."),
        EHR_OPERATIONS,
    ),
    "keys-none": Explanation(
        _("The issuer publishes no usable keys"),
        _("The document is there, but holds no RSA or EC key for signatures."),
        _("Check the issuer's signing keys."),
        EHR_OPERATIONS,
    ),
    "drift-none": Explanation(
        _("Sign-in is where it was approved"),
        _("All hosts that people are sent to are approved ones."),
    ),
    "drift-hosts": Explanation(
        _("Sign-in has moved to a host that nobody approved"),
        _("Launches stop, so that nobody signs in at a stranger's page."),
        _("If the EHR really moved, approve the connection again. If not, tell the security team."),
        ANALYST,
    ),
    "drift-kind": Explanation(
        _("Another EHR answers than the approved one"),
        _("Records and status service were approved for another kind of EHR."),
        _("Check the base URL and the kind of EHR, and approve the connection again."),
        ADMINISTRATOR,
    ),
}

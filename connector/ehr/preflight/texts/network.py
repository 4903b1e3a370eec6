"""Texts of the checks of the way to the EHR."""

from django.utils.translation import gettext_lazy as _

from connector.ehr.preflight.shapes import Explanation
from connector.ehr.preflight.texts.who import ADMINISTRATOR, EHR_OPERATIONS, NOBODY, OPERATOR

NETWORK = {
    "address-found": Explanation(
        _("The host name is known"),
        _("The connector can look up the address of the EHR."),
    ),
    "address-bad": Explanation(
        _("This is not an address of a FHIR server"),
        _("Nothing can be asked of an address that cannot be read."),
        _("Enter the FHIR base URL as the EHR publishes it: https, host and path, without user name, query or #."),
        ADMINISTRATOR,
    ),
    "address-unknown": Explanation(
        _("Nobody knows this host name"),
        _("The name servers that the connector asks have no address for this host."),
        _("Check the host name for typing errors. If it is known only inside the hospital, publish it in public DNS."),
        EHR_OPERATIONS,
    ),
    "address-slow": Explanation(
        _("The name servers did not answer"),
        _("Without the host's address nothing can be asked. Launches would fail in the same way."),
        _("Check again in a few minutes. If it stays, look at the name servers that the connector uses."),
        OPERATOR,
    ),
    "address-private": Explanation(
        _("The host name leads to a private address"),
        _("The connector calls only public addresses, so that nobody can point it at systems inside a network."),
        _("Use the EHR's public address, or have the operator list this host in OUTGOING_ALLOWED_HOSTS."),
        OPERATOR,
    ),
    "address-internal": Explanation(
        _("The host has a private address that is allowed here"),
        _("The operator listed this host, so that it may be called inside the network."),
        _("Nothing, if this is the hospital's own EHR."),
        NOBODY,
    ),
    "http-refused": Explanation(
        _("The address begins with http"),
        _("Without TLS, tokens and names could be read on the way."),
        _("Enter the address with https. If the server has none, give it a certificate first."),
        ADMINISTRATOR,
    ),
    "http-allowed": Explanation(
        _("The EHR is called without TLS"),
        _("The operator allowed http for this host. Tokens can be read on the way."),
        _("Use https for anything but a test on one's own computer."),
        OPERATOR,
    ),
    "connect-refused": Explanation(
        _("Nobody accepts the connection"),
        _("The host exists, but it refused the connection or cut it off. Launches would fail in the same way."),
        _("Check host and port. A firewall may have to let the connector's address through."),
        EHR_OPERATIONS,
    ),
    "connect-slow": Explanation(
        _("The host does not answer in time"),
        _("A clinician would wait as long and then see an error."),
        _("Check whether the server is up, and whether a firewall silently drops what the connector sends."),
        EHR_OPERATIONS,
    ),
    "tls-trusted": Explanation(
        _("TLS and certificate are good"),
        _("What is sent to the EHR can be read by nobody else."),
    ),
    "tls-expires-soon": Explanation(
        _("The certificate ends within 30 days"),
        _("On its last day, every launch of this connection stops."),
        _("Renew the certificate of the EHR's public address."),
        EHR_OPERATIONS,
    ),
    "tls-expired": Explanation(
        _("The certificate has ended"),
        _("The connector does not trust it, so nothing can be asked."),
        _("Renew the certificate of the EHR's public address."),
        EHR_OPERATIONS,
    ),
    "tls-not-yet": Explanation(
        _("The certificate is not valid yet"),
        _("The connector does not trust it before its first day."),
        _("Check the first day of the certificate, and the clocks of server and connector."),
        EHR_OPERATIONS,
    ),
    "tls-host": Explanation(
        _("The certificate belongs to another host"),
        _("It does not name the host of the base URL, so this could be somebody else's server."),
        _("Check the host name. If it is right, add it to the certificate's names."),
        EHR_OPERATIONS,
    ),
    "tls-self-signed": Explanation(
        _("The certificate is signed by itself"),
        _("Anybody can make such a certificate, so it proves nothing."),
        _("Install a certificate of a public authority."),
        EHR_OPERATIONS,
    ),
    "tls-authority": Explanation(
        _("The certificate's authority is not trusted"),
        _("The chain ends in an authority that the connector does not know, such as the hospital's own."),
        _("Install a certificate of a public authority, or have the operator add this one with OUTGOING_CA_FILE."),
        OPERATOR,
    ),
    "tls-chain": Explanation(
        _("The certificate chain is not complete"),
        _("The server leaves out an intermediate certificate, or the authority behind it is not a public one."),
        _("Let the server send all intermediate certificates. Browsers hide this fault because they fetch them."),
        EHR_OPERATIONS,
    ),
    "tls-untrusted": Explanation(
        _("The certificate cannot be trusted"),
        _("It did not pass the usual verification, so nothing can be asked."),
        _("Test the public address with a TLS checker and mend what it reports."),
        EHR_OPERATIONS,
    ),
    "tls-version": Explanation(
        _("The server's TLS is too old"),
        _("It offers no TLS 1.2 or later. Earlier versions can be broken, and nobody should use them."),
        _("Switch on TLS 1.2 or 1.3 at the EHR's public address."),
        EHR_OPERATIONS,
    ),
    "tls-none": Explanation(
        _("There is no TLS at this port"),
        _("Something answers, but it does not speak TLS, as https needs it."),
        _("Check the port in the base URL: the one without TLS may have been entered."),
        EHR_OPERATIONS,
    ),
    "tls-handshake": Explanation(
        _("The TLS handshake failed"),
        _("Server and connector could not agree on how to encrypt, or the server hung up."),
        _("Test the public address with a TLS checker. A client certificate must not be demanded."),
        EHR_OPERATIONS,
    ),
    "redirect-followed": Explanation(
        _("The base URL redirects to another path"),
        _("Discovery follows it, at the cost of time. Reading from the EHR does not."),
        _("Enter the address that it leads to as the base URL."),
        ADMINISTRATOR,
    ),
    "redirect-elsewhere": Explanation(
        _("The base URL redirects to another host"),
        _("The connector never follows to another host, since nobody approved that one."),
        _("If the EHR has moved, enter its new base URL. If it is a login page, open metadata to everybody."),
        EHR_OPERATIONS,
    ),
    "redirect-loop": Explanation(
        _("The redirects lead nowhere"),
        _("The server sends the connector round and round, or to no address at all."),
        _("Check the web server's or the load balancer's redirect rules for this path."),
        EHR_OPERATIONS,
    ),
    "answers-slowly": Explanation(
        _("The EHR answers slowly"),
        _("A launch has eight seconds for everything. Some will fail when the EHR is busy."),
        _("Find out what makes it slow: often a firewall that inspects, or metadata made anew for each request."),
        EHR_OPERATIONS,
    ),
    "clock-right": Explanation(
        _("The clocks agree"),
        _("What the connector signs is good for four minutes, so both clocks have to agree."),
    ),
    "clock-wrong": Explanation(
        _("The clocks do not agree"),
        _("What the connector signs is good for four minutes. To an EHR with another clock it is over or not yet due."),
        _("Compare the clocks of the EHR's servers and of the connector with a time server."),
        EHR_OPERATIONS,
    ),
    "clock-unknown": Explanation(
        _("The EHR does not tell its time"),
        _("Its answers carry no date, or an old one from a cache, so the clocks could not be compared."),
        _("Nothing, as long as sign-in works."),
        NOBODY,
    ),
}

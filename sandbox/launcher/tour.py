"""The page that the demo prints: what to open, who to be, in what order."""

from collections.abc import Mapping
from pathlib import Path

PAGE = """
EHR Connector for Microsoft Teams: the demo runs.

  The connector   {web}
  Sandbox         Entra {entra}   Graph {graph}
                  Teams {teams}   Epic  {epic}
                  Mail  {mail}
  Data and logs   {data}

A first visit, in order. Nobody needs a password: pick the person. Give each person a browser profile or private window.

  1  Ada Lindqvist, Microsoft 365 administrator, configures
       {web}/
       Consent, add the testing FHIR base URL {epic}/interconnect-tst/api/FHIR/R4 with approver Ben Okafor, submit.
  2  Ben Okafor, Epic analyst, approves
       Open the approver's link from Ada's page and sign in with Microsoft. The page shows what the EHR must know first:
       paste "All addresses at once" of each app into {epic}/interconnect-tst/clients
       Then sign in with Epic as Ben Okafor, approve, and paste "The whole record" of each button into
       {epic}/interconnect-tst/fdi
  3  Carla Mendes, cardiologist, launches
       {epic}/interconnect-tst/hyperspace
       "Begin virtual visit" at Pia Sandberg's visit. The first time she signs in with Microsoft and confirms that both
       accounts are hers. In Teams: "Join now".
  4  Pia Sandberg, patient, joins
       {epic}/interconnect-tst/mychart
       "Begin virtual visit": she waits. Once Carla has begun: "Go to your visit", a name, "Join now". Carla admits her.
  5  Hyperspace's status column shows who connected and who disconnected.

  Make things go wrong   {epic}/sandbox/faults (each stand-in has such a page)
  Stop                   Ctrl-C here; the data is kept
  Forget                 make demo-reset
"""


def page(urls: Mapping[str, str], data: Path) -> str:
    """The printed page, for the addresses of this run."""
    return PAGE.format(**urls, data=data)

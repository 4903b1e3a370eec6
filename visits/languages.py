"""The language of a visit's pages: as picked on the page, else as picked in an earlier launch of the same person, else
the browser's.

A pick is a link with `?language=`, so it needs neither JavaScript nor a cookie; the launch remembers it.
"""

from django.conf import settings
from django.http import HttpRequest

from connector import languages
from connector.cached import outdate
from visits.models import Launch, Participant, Visit

PARAMETER = "language"
MICROSOFTS = {"zh-hant": "zh-TW"}  # what Microsoft calls a language, where it is otherwise


def speak(request: HttpRequest, remembered: str = "") -> None:
    """Go on in the reader's language: the one he picks now, else the one that his launch remembers."""
    languages.speak(request, _picked(request) or remembered)


def remember(request: HttpRequest, launch: Launch) -> None:
    """Keep what was picked on this launch's own page."""
    picked = _picked(request)
    if picked and picked != launch.language:
        launch.language = picked
        launch.save(update_fields=["language"])
        if launch.participant:
            outdate("visit", launch.participant.visit_id)


def earlier(launch: Launch) -> str:
    """What the same person picked in this visit before he pressed the button again; empty where he picked nothing."""
    before = Launch.objects.filter(participant__isnull=False, participant=launch.participant_id).exclude(language="")
    return before.order_by("-created_at").values_list("language", flat=True).first() or ""


def of_patients(visit: Visit) -> str:
    """What Teams is asked for: the one language that was picked on the patients' side, empty for none or several."""
    launches = Launch.objects.filter(participant__visit=visit).exclude(participant__role=Participant.Role.PROVIDER)
    picked = set(launches.exclude(language="").values_list("language", flat=True))
    language = picked.pop() if len(picked) == 1 else ""
    return MICROSOFTS.get(language, language)


def _picked(request: HttpRequest) -> str:
    wanted = request.GET.get(PARAMETER, "")
    return wanted if wanted in dict(settings.LANGUAGES) else ""

"""The visits app: one visit, from click to chart."""

from django.apps import AppConfig


class VisitsConfig(AppConfig):
    name = "visits"

    def ready(self) -> None:
        from connector import problems, signin
        from visits import arrival, link, trouble
        from visits.problems import PROBLEMS

        problems.PROBLEMS.update(PROBLEMS)
        signin.purposes[arrival.CLINICIAN] = signin.Purpose(link.arrive, trouble.CLINICIAN)

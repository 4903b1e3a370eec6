"""The visits app: one visit, from click to chart."""

from django.apps import AppConfig


class VisitsConfig(AppConfig):
    name = "visits"

    def ready(self) -> None:
        from connector import problems, signin
        from visits import arrival, link
        from visits.problems import PROBLEMS

        problems.PROBLEMS.update(PROBLEMS)
        signin.arrivals[arrival.CLINICIAN] = link.arrive

"""The visits app: one visit, from click to chart."""

from django.apps import AppConfig


class VisitsConfig(AppConfig):
    name = "visits"

    def ready(self) -> None:
        from connector import metrics, signin, tally
        from connector.problems import table
        from visits import levels, link, open_visits, trouble
        from visits.problems import PROBLEMS

        table.PROBLEMS.update(PROBLEMS)
        tally.FAMILIES.update(levels.FAMILIES)
        metrics.measures.append(levels.measure)
        signin.purposes[link.PURPOSE] = signin.Purpose(link.arrive, trouble.CLINICIAN)
        signin.purposes[open_visits.PURPOSE] = signin.Purpose(open_visits.arrive, trouble.CLINICIAN)

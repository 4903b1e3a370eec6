"""How something goes wrong: what a person does, and under what conditions."""

import json
from collections.abc import Callable

from tests.portal.steps import Shown, switch, tell
from tests.visits import steps
from tests.visits.steps import CARLA, MICROSOFT, PIA, Clinic

Act = Callable[[Clinic], object]


def goes_in(clinic: Clinic, login: str = CARLA, name: str = MICROSOFT[CARLA]) -> Shown:
    """Somebody presses the button in the EHR and goes on as far as he gets."""
    visitor = clinic.visitor()
    page = visitor.open(clinic.press(login))
    if page.heading == steps.PICKER:
        page = visitor.press(page, name)
    if page.has_button(steps.YES):
        page = visitor.open(visitor.press(page, steps.YES).link("Join in Teams"))
    return page


def clinician(clinic: Clinic) -> object:
    return goes_in(clinic)


def patient(clinic: Clinic) -> object:
    return goes_in(clinic, PIA)


def while_told(stand_in: str, name: str, act: Act, value: object = True, after: object = False) -> Act:
    """While a stand-in's switch is on."""

    def during(clinic: Clinic) -> None:
        switch(clinic.house, stand_in, **{name: value})
        act(clinic)
        switch(clinic.house, stand_in, **{name: after})

    return during


def while_failing(stand_in: str, path: str, kind: str, value: float | None, act: Act) -> Act:
    """While a stand-in fails at these paths."""

    def during(clinic: Clinic) -> None:
        clinic.fail(stand_in, path, kind, value)
        act(clinic)
        tell(clinic.house, stand_in, "faults", "DELETE")

    return during


def with_context(login: str, context: str) -> Act:
    """With a record whose CONTEXT says something else."""

    def during(clinic: Clinic) -> None:
        slot = "provider" if login.isupper() else "patient"
        clinic.paste(slot, clinic.records[slot] | {"CONTEXT": context})
        goes_in(clinic, login)
        clinic.paste(slot, clinic.records[slot])

    return during


def while_settled(settled: dict[str, object], act: Act) -> Act:
    """While the live settings say something else."""

    def during(clinic: Clinic) -> None:
        before = clinic.rows("SELECT id, settings FROM connector_revision")
        changed = "UPDATE connector_revision SET settings = settings || %s::jsonb"
        clinic.database.execute(changed, [json.dumps(settled)])
        act(clinic)
        for row in before:
            values = [json.dumps(row["settings"]), row["id"]]
            clinic.database.execute("UPDATE connector_revision SET settings = %s::jsonb WHERE id = %s", values)

    return during


def launch(query: str, door: str = "provider") -> Act:
    """The address of a launch, opened with this in its query."""
    return lambda clinic: clinic.visitor().open(f"/launch/{clinic.ref}/{door}/?{query}")


def opens(path: str) -> Act:
    """An address, opened by anybody."""
    return lambda clinic: clinic.visitor().open(path)


def with_a_table_gone(clinic: Clinic) -> None:
    """What nobody expects, with the values of the statement in PostgreSQL's own message."""
    clinic.database.execute("ALTER TABLE visits_launch RENAME TO visits_elsewhere")
    try:
        clinic.visitor().open(clinic.press(PIA))
    finally:
        clinic.database.execute("ALTER TABLE visits_elsewhere RENAME TO visits_launch")


def with_the_database_away(clinic: Clinic) -> None:
    """PostgreSQL ends every connection of the product, and takes no other. Ours stay."""
    with steps.database_away(clinic):
        clinic.visitor().open(clinic.press(PIA))

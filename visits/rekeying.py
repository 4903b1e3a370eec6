"""New keys for what an organization's rows hold, while people launch and are in visits: what is sealed is sealed anew,
row by row; what is hashed is hashed again, all at once."""

from django.db import connection
from django.db.models import Model, Q, QuerySet
from psycopg import sql

from connector import crypto, keys
from connector.models import Key, Organization
from visits.models import EhrUserLink, Ending, Launch, Participant, Visit
from visits.models.visit import Sealed

# Whose a row is, and what of it is sealed.
SEALED: dict[type[Sealed], tuple[str, tuple[str, ...]]] = {
    Visit: ("connection__organization", ("session", "meeting_id", "join_url", "visitor_url", "initials")),
    Participant: ("visit__connection__organization", ("external_id", "external_id_type")),
    Ending: ("visit__connection__organization", ("meeting_id",)),
}
# Whose a row is, and what of it is hashed.
HASHED: dict[type[Model], tuple[str, tuple[str, ...]]] = {
    Visit: ("connection__organization", ("session_hash", "patient_hash", "clinician_hash")),
    Participant: ("visit__connection__organization", ("ehr_user_hash",)),
    EhrUserLink: ("connection__organization", ("ehr_user_hash",)),
    Launch: ("connection__organization", ("ehr_user_hash",)),
}


_REHASH = sql.SQL("""
UPDATE {0} SET {1} = next.hash
FROM unnest(%s::text[], %s::text[]) AS next(was, hash) WHERE {0}.{1} = next.was
""")


def reseal(organization: Organization) -> int:
    """Seal by the newest field key what an older one sealed; returns how many values. One that changes meanwhile is
    sealed by the newest already, and stays."""
    newest = keys.current(organization.pk, Key.Purpose.FIELD).kid
    return sum(
        _reseal(row, column)
        for model, (owner, columns) in SEALED.items()
        for column in columns
        for row in _not_by(model, owner, column, organization, newest).iterator()
    )


def _not_by(model: type[Sealed], owner: str, column: str, organization: Organization, kid: str) -> QuerySet[Sealed]:
    name = f"{column}_sealed"
    old = model._default_manager.filter(**{owner: organization}).exclude(**{name: ""}).select_related(owner)
    return old.exclude(**{f"{name}__startswith": f"{crypto.VERSION}.{kid}."})


def _reseal(row: Sealed, column: str) -> int:
    name = f"{column}_sealed"
    before = getattr(row, name)
    row.seal(column, row.unseal(column))
    same = type(row)._default_manager.filter(pk=row.pk, **{name: before})
    return same.update(**{name: getattr(row, name)})


def rehash(organization: Organization) -> Key:
    """Make the hash key that follows, and bring every row over to it."""
    with keys.follow_hash(organization) as key:
        for model, (owner, columns) in HASHED.items():
            rows = model._default_manager.filter(**{owner: organization})
            for column in columns:
                _rehash(rows, column, key.kid)
            if "hash_kid" in {field.name for field in model._meta.fields}:
                rows.update(hash_kid=key.kid)
    return key


def _rehash(rows: QuerySet[Model], column: str, kid: str) -> None:
    """In one statement: the same hash stands in many rows, and people wait for the end."""
    old = list(rows.exclude(Q(**{column: ""})).values_list(column, flat=True).distinct())
    table, name = sql.Identifier(rows.model._meta.db_table), sql.Identifier(column)
    with connection.cursor() as cursor:
        cursor.execute(_REHASH.format(table, name), [old, [keys.hash_again(one, kid) for one in old]])


def finish(organization: Organization) -> int:
    """Seal what is left, and forget the field keys that seal nothing any more; returns how many."""
    reseal(organization)
    newest = keys.current(organization.pk, Key.Purpose.FIELD).kid
    left = any(
        _not_by(model, owner, column, organization, newest).exists()
        for model, (owner, columns) in SEALED.items()
        for column in columns
    )
    return 0 if left else keys.forget_field(organization)

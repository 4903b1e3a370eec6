"""A column with a default on two tables that every visit writes, and an index."""

from typing import ClassVar

from django.db import migrations

COLUMN = "ALTER TABLE {0} ADD COLUMN of_next_release integer NOT NULL DEFAULT 0"
NO_COLUMN = "ALTER TABLE {0} DROP COLUMN of_next_release"


class Migration(migrations.Migration):
    """As a release adds it: the one before goes on without knowing of it."""

    dependencies: ClassVar = [("visits", "0001_initial")]
    operations: ClassVar = [
        *(
            migrations.RunSQL(COLUMN.format(table), NO_COLUMN.format(table))
            for table in ("visits_visit", "visits_writeback")
        ),
        migrations.RunSQL(
            "CREATE INDEX next_release_visit ON visits_visit (of_next_release)", "DROP INDEX next_release_visit"
        ),
    ]

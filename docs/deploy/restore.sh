#!/bin/sh
# Restore a backup into an empty database, bring it up to this release, and take up what was under way.
#
#   1. Stop web, notifications, worker and scheduler. Make an empty database and let DATABASE_URL name it.
#   2. With the environment of the connector, from its folder:   docs/deploy/restore.sh FILE
#   3. Start everything again.
#
# PYTHON names the Python of the connector's virtual environment (default: python). KEY_ENCRYPTION_KEYS must hold the keys
# of the time of the backup.
set -eu
file=${1:?"Usage: docs/deploy/restore.sh FILE, with the environment of the connector"}
: "${DATABASE_URL:?}"
tables=$(psql --dbname="$DATABASE_URL" --no-psqlrc --tuples-only --no-align \
    --command="SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
if [ "$tables" != 0 ]; then
    echo "The database of DATABASE_URL is not empty ($tables tables). Nothing was changed." >&2
    exit 1
fi
pg_restore --dbname="$DATABASE_URL" --single-transaction --exit-on-error --no-owner --no-privileges "$file"
"${PYTHON:-python}" manage.py migrate --noinput --verbosity 0
"${PYTHON:-python}" manage.py after_restore
echo "Restored: $file. Now start everything again."

#!/bin/sh
# Back the connector's database up, while everything runs: one consistent picture, in PostgreSQL's custom format.
#
#   DATABASE_URL=postgresql://… docs/deploy/backup.sh FILE
#
# Needs pg_dump of the server's major version or a newer one. FILE holds what the database holds (encrypted ids, sealed
# keys): keep it as you keep the database, and KEY_ENCRYPTION_KEYS apart from it, for without them it opens nothing.
# Redis needs no backup: what it holds is found again in the database.
set -eu
file=${1:?"Usage: DATABASE_URL=postgresql://… $0 FILE"}
: "${DATABASE_URL:?}"
umask 077
if [ -e "$file" ]; then
    echo "$file is there already, and is left as it is." >&2
    exit 1
fi
trap 'rm -f "$file.unfinished"' EXIT
pg_dump --dbname="$DATABASE_URL" --format=custom --no-owner --no-privileges --file="$file.unfinished"
pg_restore --list "$file.unfinished" >/dev/null # it can be read to its end
mv "$file.unfinished" "$file"
echo "Backed up: $file"

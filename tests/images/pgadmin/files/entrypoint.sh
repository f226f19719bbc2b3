#!/bin/bash
# Makes the first user and loads the servers on the first start, then serves on port 80.
set -eu
cd /venv/lib/python3.11/site-packages/pgadmin4
export PGADMIN_SETUP_EMAIL=$PGADMIN_DEFAULT_EMAIL PGADMIN_SETUP_PASSWORD=$PGADMIN_DEFAULT_PASSWORD
cat >/tmp/config_local.py <<-'END'
	SERVER_MODE = True
	DATA_DIR = '/var/lib/pgadmin'
	LOG_FILE = '/dev/null'
	UPGRADE_CHECK_ENABLED = False
	DEFAULT_BINARY_PATHS = {'pg': '/usr/bin'}
END
export PYTHONPATH=/tmp
if [ ! -f /var/lib/pgadmin/pgadmin4.db ]; then
	/venv/bin/python setup.py setup-db
	[ ! -f /pgadmin4/servers.json ] ||
		/venv/bin/python setup.py load-servers /pgadmin4/servers.json --user "$PGADMIN_DEFAULT_EMAIL"
fi
exec /venv/bin/gunicorn --bind 0.0.0.0:80 --workers 1 --threads 8 --access-logfile - --chdir "$PWD" pgAdmin4:app

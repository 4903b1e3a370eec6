"""The settings of a next release: the same with an app whose one migration adds to the tables of this one."""

from connector.settings import *  # noqa: F403
from connector.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.next_release.apps.NextRelease"]

"""Notices that the next page shows once ("Saved."), in a cookie that is bound to this host as the others are."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class Notices(CookieStorage):
    cookie_name = settings.NOTICES_COOKIE_NAME

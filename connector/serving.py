"""gunicorn's own lines, written as all others are: `gunicorn --logger-class connector.serving.Lines connector.wsgi`."""

from gunicorn.config import Config
from gunicorn.glogging import Logger

from connector import logs


class Lines(Logger):
    """Those of the master, and of a worker before it has loaded the settings, too. No line a request: the proxy has
    that."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        self.error_log.handlers = [logs.handler()]

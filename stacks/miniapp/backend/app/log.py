"""One JSON object a line."""
import json
import logging
import os
import sys


class Json(logging.Formatter):
    def format(self, record):
        line = {"time": self.formatTime(record), "level": record.levelname.lower(),
                "message": record.getMessage(), **getattr(record, "fields", {})}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def logger(name):
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Json())
    log = logging.getLogger(name)
    log.handlers = [handler]
    log.setLevel(os.environ.get("LOG_LEVEL", "info").upper())
    log.propagate = False
    return log

"""One JSON object a line, whoever logs: the application, uvicorn, a library."""
import json
import logging
import os
import sys


class Json(logging.Formatter):
    def format(self, record):
        line = {"time": self.formatTime(record), "level": record.levelname.lower(),
                "logger": record.name, "message": record.getMessage(),
                **getattr(record, "fields", {})}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


level = logging.getLevelName(os.environ.get("LOG_LEVEL", "info").upper())
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(Json())
logging.basicConfig(handlers=[handler], level=max(level, logging.INFO))


def logger(name):
    log = logging.getLogger(name)
    log.setLevel(level)  # debug is ours alone
    return log

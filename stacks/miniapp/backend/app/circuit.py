"""A circuit breaker: what has failed several times in a row is left alone for a while."""
import contextlib
import time

from log import logger

log = logger("circuit")


class Open(Exception):
    """Nothing was tried: it failed too often just now."""


class Circuit:
    """After `limit` failures in a row everyone is refused for `pause` seconds, then one may try."""

    def __init__(self, name, errors, limit=3, pause=5):
        self.name, self.errors, self.limit, self.pause = name, errors, limit, pause
        self.failures = 0
        self.until = 0.0

    def is_open(self):
        return self.failures >= self.limit

    @contextlib.contextmanager
    def guard(self):
        if self.is_open():
            now = time.monotonic()
            if now < self.until:
                raise Open(f"{self.name} has failed {self.failures} times")
            self.until = now + self.pause  # the others wait for this one
        failed = False
        try:
            yield
        except self.errors:
            failed = True
            raise
        finally:
            self.note(failed)

    def note(self, failed):
        if self.is_open() and not failed:
            log.info("the circuit of %s is closed", self.name)
        self.failures = self.failures + 1 if failed else 0
        self.until = time.monotonic() + self.pause
        if self.failures == self.limit:
            log.warning("the circuit of %s is open", self.name)

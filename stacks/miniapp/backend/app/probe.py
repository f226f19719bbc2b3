"""probe.py URL: succeeds when it answers 200, for health checks."""
import sys
import urllib.request

urllib.request.urlopen(sys.argv[1], timeout=4)

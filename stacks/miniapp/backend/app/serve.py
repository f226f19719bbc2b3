"""serve.py APP PORT: as many workers as WORKERS says; with RELOAD set, one that follows edits."""
import os
import sys

import uvicorn

import log  # noqa: F401, before anything logs; in uvicorn's workers too, which import this file


def main():
    app, port = sys.argv[1:]
    workers = int(os.environ.get("WORKERS", "1"))
    if not 1 <= workers <= 64:
        raise SystemExit(f"WORKERS is {workers}: from 1 to 64")
    reload = bool(os.environ.get("RELOAD"))
    uvicorn.run(app, host="0.0.0.0", port=int(port), workers=None if reload else workers,
                reload=reload, access_log=False, log_config=None, timeout_keep_alive=75)


if __name__ == "__main__":
    main()

"""Starts as many workers as WORKERS says."""
import os

import uvicorn


def main():
    workers = int(os.environ.get("WORKERS", "1"))
    if not 1 <= workers <= 64:
        raise SystemExit(f"WORKERS is {workers}: from 1 to 64")
    uvicorn.run("main:app", host="0.0.0.0", port=8000, workers=workers, access_log=False,
                log_level=os.environ.get("LOG_LEVEL", "info"), timeout_keep_alive=75)


if __name__ == "__main__":  # uvicorn's workers import this file
    main()

"""Waiting with a bound, for what no event tells: a process is gone, a file is there."""
import time


def wait_until(condition, timeout_s=10.0, what="condition"):
    """Polls for what no event tells (a process is gone, a file is there); gives its value."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.005)

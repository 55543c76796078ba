"""Enqueue tasks: `python fill.py WAY TASK COUNT DIRECTORY`.

Two more tasks write the time when they run: to `DIRECTORY/first` after a tenth of the tasks, to `DIRECTORY/last` after
all of them.
"""

import json
import sys

from calls import sender, task


def main(way: str, name: str, count: int, directory: str) -> None:
    """Print how many tasks lie between the two that write the time."""
    send, stamp = sender(way, name), task("stamp")
    for number in range(count):
        if number == count // 10:
            stamp.apply_async((f"{directory}/first",))
        send()
    stamp.apply_async((f"{directory}/last",))
    print(json.dumps({"between": count - count // 10}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])

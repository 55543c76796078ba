"""Which task goes to which queue. This table is yours: an update never changes it.

A worker consumes all queues, unless `--queues` says otherwise; on the broker their names begin with the project's (see
`app/core/broker.py`). A queue's name is for ever: messages wait under it.
"""

# The first pattern that fits a task's name decides; a task's own `queue=` comes before them.
ROUTES = {
    "ai.*": "ai",
    "datasync.*": "datasync",
    "*": "default",
}
DEFAULT = ROUTES["*"]
QUEUES = tuple(dict.fromkeys(ROUTES.values()))

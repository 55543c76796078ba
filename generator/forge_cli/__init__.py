"""Forge: a FastAPI + Celery project from one command."""

__version__ = "0.2.0.dev0"

TEMPLATE_ADDRESS = ""
"""Where the template is published, as projects record it: `gh:owner/name`. Empty until it is; the one setting then."""

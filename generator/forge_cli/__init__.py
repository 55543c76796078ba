"""Forge: a FastAPI + Celery project from one command."""

__version__ = "0.5.0.dev0"

TEMPLATE_ADDRESS = ""
"""Where the template is published, as projects record it, such as `gh:owner/name`; empty until it is."""

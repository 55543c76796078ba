"""Forge: a FastAPI + Celery project from one command."""

__version__ = "0.1.0"

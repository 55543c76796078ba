"""Backups of the database: made every night, kept for a while, and restored when they are needed."""

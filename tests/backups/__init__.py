"""Backups of real databases, made and restored by generated projects."""

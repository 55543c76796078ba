"""Modules that a project under this stress gets. They run there, with its dependencies."""

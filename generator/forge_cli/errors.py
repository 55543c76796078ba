"""What can go wrong for reasons that a user can fix. Each message says what is wrong, then what to do."""


class ForgeError(Exception):
    """The command could not be carried out."""

    exit_code = 1


class UsageError(ForgeError):
    """The command was not understood, or an answer is not allowed."""

    exit_code = 2


class ConflictError(ForgeError):
    """Conflicts of an update are not resolved."""

    exit_code = 3

"""What a user can put right."""


class UsageError(ValueError):
    """A command or config that cannot work; the text says what to do."""

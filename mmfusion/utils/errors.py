"""What a user can put right."""


class UsageError(ValueError):
    """A command or config that cannot work; the text says what to do."""


def one_line(error: BaseException) -> str:
    """The text of an error in one line; its type where it has none."""
    return ' '.join(str(error).split()) or type(error).__name__

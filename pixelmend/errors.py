"""The one kind of error a user is meant to see."""


class UserError(Exception):
    """Something the user can mend: the message says what was expected and what came.

    Command lines print it as one line without a traceback and exit with status `exit_code`.
    """

    exit_code = 1

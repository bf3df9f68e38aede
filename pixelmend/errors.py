"""The one kind of error a user is meant to see."""


class UserError(Exception):
    """Something the user can mend: the message says what was expected and what came.

    Command lines print it as one line without a traceback and exit with status `exit_code`.
    """

    exit_code = 1


class MissingTool(UserError):
    """A program that is not part of the environment is not there, or does not answer as it should.

    Its own exit status tells scripts apart from a mistake: all that could be done without the tool is done.
    """

    exit_code = 3

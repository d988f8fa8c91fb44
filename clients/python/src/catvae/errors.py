"""What goes wrong, by kind. Each error is one line that names the thing and the way out."""


class CatvaeError(Exception):
    """Every error of this package."""


class BundleError(CatvaeError, ValueError):
    """The bundle is broken, newer than this package, or lacks what was asked for."""


class InputError(CatvaeError, ValueError):
    """Rows or codes are none that the model takes."""


class ProgramError(CatvaeError, RuntimeError):
    """The program catvae is missing, or ended with an error. `status` is its exit status, None where it never ran."""

    def __init__(self, message: str, status: "int | None" = None) -> None:
        super().__init__(message)
        self.status = status

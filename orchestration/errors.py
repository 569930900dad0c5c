"""Every error Chargehouse raises on purpose.

::

    ChargehouseError               one clear message for a person; the command exits with 1
    ├── ConfigurationError         billing/*.csv has problems; carries all of them
    ├── BillingConductorError      lists of AWS Billing Conductor cannot be imported; carries all problems
    ├── AwsInvoiceError            AWS's list of its invoices cannot be imported; carries all problems
    ├── DeliveryError              a CUR delivery cannot be used
    ├── WorkspaceBusyError         another process works on the same workspace
    ├── NotBuiltError              a period is not built from what there is now
    ├── CheckError                 a blocking data-quality check failed
    ├── BuildError                 dbt or Dagster could not finish
    ├── DocumentError              the content of a document is damaged, or cannot be rendered
    ├── MailError                  a mail was not sent
    │   └── MailLostError          nobody knows whether it was
    └── LedgerError                the ledger refused, or cannot be used
        └── PaymentFileError       a bank file cannot be imported; carries all its problems

When to add here: a new kind of failure that a caller must tell apart.
What does not belong here: programming errors; those stay ordinary exceptions and show their traceback.
"""

from dataclasses import dataclass

__all__ = [
    "AwsInvoiceError",
    "BillingConductorError",
    "BuildError",
    "ChargehouseError",
    "CheckError",
    "ConfigProblem",
    "ConfigurationError",
    "DeliveryError",
    "DocumentError",
    "ExportProblem",
    "LedgerError",
    "MailError",
    "MailLostError",
    "NotBuiltError",
    "PaymentFileError",
    "WorkspaceBusyError",
]


class ChargehouseError(Exception):
    """A failure that the user can understand and mend; its text is the whole message."""


@dataclass(frozen=True, order=True)
class ConfigProblem:
    """One problem in a file that somebody wrote or exported.

    Attributes:
        file: file name, such as ``billing_terms.csv``.
        line: line in the file, the header being 1; None when the whole file is meant.
        column: column name; None when the whole line is meant.
        value: the text found; None when nothing was there to find.
        expected: what was expected, as a clause.
        what_to_do: what the user should do, as a sentence.
    """

    file: str
    line: int | None
    column: str | None
    value: str | None
    expected: str
    what_to_do: str

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f" line {self.line}"
        if self.column is not None:
            place += f", column {self.column}"
        found = "" if self.value is None else f"{self.value!r} "
        return f"{place}: {found}{self.expected}. {self.what_to_do}".rstrip()


class ConfigurationError(ChargehouseError):
    """The billing configuration cannot be used; ``problems`` holds every problem found, in file order."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        self.problems = problems
        count = len(problems)
        head = f"The billing configuration has {count} problem{'s' if count != 1 else ''}; nothing was changed."
        super().__init__("\n".join([head, *(f"  {problem}" for problem in problems)]))


@dataclass(frozen=True, order=True)
class ExportProblem:
    """One problem in a JSON file that was exported from AWS.

    Attributes:
        file: the file as it was named.
        path: JSON path in it, such as ``$.BillingGroups[2].Name``; None when the whole file is meant.
        value: the text found; None when nothing was there to find.
        expected: what was expected, as a clause.
        what_to_do: what the user should do, as a sentence.
    """

    file: str
    path: str | None
    value: str | None
    expected: str
    what_to_do: str

    def __str__(self) -> str:
        place = self.file if self.path is None else f"{self.file}, {self.path}"
        found = "" if self.value is None else f"{self.value!r} "
        return f"{place}: {found}{self.expected}. {self.what_to_do}"


class BillingConductorError(ChargehouseError):
    """Lists of AWS Billing Conductor cannot be imported; ``problems`` holds every problem found, in file order."""

    def __init__(self, problems: list[ExportProblem]) -> None:
        self.problems = problems
        count = len(problems)
        head = f"The lists have {count} problem{'s' if count != 1 else ''}; nothing was written."
        super().__init__("\n".join([head, *(f"  {problem}" for problem in problems)]))


class AwsInvoiceError(ChargehouseError):
    """AWS's list of its invoices cannot be imported; ``problems`` holds every problem found, in file order."""

    def __init__(self, problems: list[ExportProblem]) -> None:
        self.problems = problems
        count = len(problems)
        head = f"The list of AWS invoices has {count} problem{'s' if count != 1 else ''}; nothing was changed."
        super().__init__("\n".join([head, *(f"  {problem}" for problem in problems)]))


class DeliveryError(ChargehouseError):
    """A CUR delivery is missing, damaged, ambiguous or of a kind that cannot be billed."""


class WorkspaceBusyError(ChargehouseError):
    """Another process is running on the same workspace."""


class NotBuiltError(ChargehouseError):
    """A billing period is not built, or not from the deliveries, configuration and models that there are now."""


class CheckError(ChargehouseError):
    """A blocking data-quality check failed; nothing was published."""


class DocumentError(ChargehouseError):
    """The content of a document is damaged, or it cannot be rendered as asked."""


class MailError(ChargehouseError):
    """The mail server cannot be used as it is set up, or did not take a mail; nobody got it."""


class MailLostError(MailError):
    """The connection broke after a mail was handed over: it may have arrived, or not."""


class BuildError(ChargehouseError):
    """The models could not be built; nothing was published."""


class LedgerError(ChargehouseError):
    """The ledger refused what was asked, because of its rules or its state, or cannot be used; nothing was changed."""


class PaymentFileError(LedgerError):
    """A file of payments cannot be imported; ``problems`` holds every problem found, in file order."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        self.problems = problems
        count = len(problems)
        head = f"The payment file has {count} problem{'s' if count != 1 else ''}; no payment was recorded."
        super().__init__("\n".join([head, *(f"  {problem}" for problem in problems)]))

"""The four ways a call can end without a `Report`, and a delivery without a word for what it tells.

They differ in one question only: may money have moved?

    AdapterError
    ├── NotSentError          no: another account may be tried
    ├── OutcomeUnknownError   perhaps: inquire, never send it elsewhere
    ├── ConfigurationError    no: the account is refused; elsewhere, and page a human
    ├── WebhookRejectedError  a delivery that did not verify: answer 401, store nothing
    └── UnclearDeliveryError  perhaps: a verified delivery that does not say what happened; a human must look
"""


class AdapterError(Exception):
    """Carries the processor's name and a message free of secrets and card data."""

    def __init__(self, processor: str, message: str) -> None:
        """Keep *processor* for logs and metrics."""
        super().__init__(f"{processor}: {message}")
        self.processor = processor


class NotSentError(AdapterError):
    """No byte reached the processor, or it said that it did not act."""


class OutcomeUnknownError(AdapterError):
    """The processor may have acted: a timeout, a reset after writing, a 5xx, an answer we cannot read."""


class ConfigurationError(AdapterError):
    """The processor refused our credentials or our account (401, 403)."""


class WebhookRejectedError(AdapterError):
    """Signature, age, account, mode or shape did not verify."""


class UnclearDeliveryError(AdapterError):
    """A verified delivery tells that something was done and not what; reading it again tells no more."""

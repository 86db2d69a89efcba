"""What a caller asks: the bodies of the API's requests."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.contract import Recurring
from normalization.money import AMOUNT_MAX, Currency
from normalization.regions import REGION

Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="In the currency's ISO 4217 minor unit.")]
# "$" also matches before a last newline, so what must not be there is looked for instead.
_PRINTABLE: Final = r"^(?![\s\S]*[\x00-\x1f\x7f])"
Text = Annotated[str, Meta(min_length=1, max_length=255, pattern=_PRINTABLE)]
CountryCode = Annotated[str, Meta(min_length=2, max_length=2, pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")]
Url = Annotated[str, Meta(max_length=2048, pattern=r"^https?://(?![\s\S]*[\s\x00-\x1f\x7f])[^/]")]
Metadata = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40, pattern=_PRINTABLE)],
        Annotated[str, Meta(max_length=500)],
    ],
    Meta(max_length=20),
]


def check_country(country: str) -> None:
    """Refuse two letters that are no country's.

    Raises:
        ValueError: naming the field, as the decoder of a request's body passes it on.
    """
    if country not in REGION:
        raise ValueError("country: is no ISO 3166-1 alpha-2 code in upper case, such as DE")


class OneTimeData(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a processor's own client-side library made of the payer's card; it is never stored."""

    processor: Text
    data: dict[str, object]


class RiskFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the caller knows about the risk of this payment."""

    ip_country: CountryCode | None = None
    device_id: Text | None = None
    account_age_days: Annotated[int, Meta(ge=0, le=100_000)] | None = None


class PaymentRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Charge once: `amount`, `currency`, `reference` and a means of payment; the rest may be left out."""

    amount: Amount
    currency: Currency
    reference: Text
    payment_method: Text | None = None
    payment_method_data: OneTimeData | None = None
    save_payment_method: bool = False
    capture: Literal["automatic", "manual"] = "automatic"
    customer: Text | None = None
    country: CountryCode | None = None
    risk_score: Annotated[int, Meta(ge=0, le=100)] | None = None
    risk: RiskFacts | None = None
    brand: Text | None = None
    off_session: bool = False
    recurring: Recurring | None = None
    return_url: Url | None = None
    statement_descriptor: Annotated[str, Meta(min_length=1, max_length=22, pattern=r"^(?![\s\S]*[^ -~])")] | None = None
    metadata: Metadata = {}
    merchant_account: Text | None = None
    allow_duplicate_reference: bool = False
    override_retry_rules: bool = False

    def __post_init__(self) -> None:
        if (self.payment_method is None) == (self.payment_method_data is None):
            raise ValueError("payment_method: send either payment_method or payment_method_data")
        if self.save_payment_method and (self.payment_method_data is None or self.customer is None or self.off_session):
            raise ValueError(
                "save_payment_method: goes with payment_method_data and a customer, and not with off_session"
            )
        if self.country is not None:
            check_country(self.country)


class CaptureRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take what was authorized, or `amount` of it; `final` gives the rest back."""

    amount: Amount | None = None
    final: bool = True


class RefundRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give back what was captured, or `amount` of it; `despite_dispute`: also where the payer's bank takes it back."""

    amount: Amount | None = None
    reason: Text | None = None
    reference: Text | None = None
    despite_dispute: bool | UnsetType = UNSET  # Left out of the fingerprint of those that do not say it.


class CancelRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give an authorization back; nothing to say."""


class ConfirmRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Go on after a challenge with what the payer's browser brought back; without it the processor is asked."""

    returned: dict[Text, Annotated[str, Meta(max_length=8192)]] | None = None

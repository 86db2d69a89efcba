"""The card networks' reason codes of disputes, as Adyen passes them on, in the hub's words.

Source: https://docs.adyen.com/risk-management/understanding-disputes/dispute-reason-codes for the codes by network,
https://docs.stripe.com/disputes/categories and
https://developer.paypal.com/braintree/articles/risk-and-security/chargebacks-retrievals/chargeback-reason-codes for how
acquirers group them; as of November 2026.
"""

from typing import Final

from normalization.disputes import DisputeReason

_R = DisputeReason

VISA: Final[dict[str, DisputeReason]] = {
    "10.1": _R.FRAUDULENT,  # Counterfeit card, at a terminal.
    "10.2": _R.FRAUDULENT,  # Lost or stolen card, at a terminal.
    "10.3": _R.FRAUDULENT,  # Other fraud, card present.
    "10.4": _R.FRAUDULENT,  # Other fraud, card absent.
    "10.5": _R.FRAUDULENT,  # Visa's fraud monitoring program.
    "11.1": _R.AUTHORIZATION,  # Card in the recovery bulletin.
    "11.2": _R.AUTHORIZATION,  # Authorization declined.
    "11.3": _R.AUTHORIZATION,  # No authorization.
    "12.1": _R.PROCESSING_ERROR,  # Presented late.
    "12.2": _R.PROCESSING_ERROR,  # Wrong transaction code.
    "12.3": _R.PROCESSING_ERROR,  # Wrong currency.
    "12.4": _R.PROCESSING_ERROR,  # Wrong account number.
    "12.5": _R.PROCESSING_ERROR,  # Wrong amount.
    "12.6": _R.DUPLICATE,  # Taken twice, or paid by other means.
    "12.7": _R.PROCESSING_ERROR,  # Invalid data.
    "13.1": _R.PRODUCT_NOT_RECEIVED,
    "13.2": _R.SUBSCRIPTION_CANCELED,
    "13.3": _R.PRODUCT_UNACCEPTABLE,  # Not as described, or defective.
    "13.4": _R.PRODUCT_UNACCEPTABLE,  # Counterfeit goods.
    "13.5": _R.PRODUCT_UNACCEPTABLE,  # Misrepresented.
    "13.6": _R.CREDIT_NOT_PROCESSED,
    "13.7": _R.CREDIT_NOT_PROCESSED,  # Goods or services canceled.
    "13.8": _R.PROCESSING_ERROR,  # A credit that the bank did not take.
    "13.9": _R.PRODUCT_NOT_RECEIVED,  # Cash or a load that was not handed out.
}

MASTERCARD: Final[dict[str, DisputeReason]] = {
    "4807": _R.AUTHORIZATION,  # Card in the warning bulletin.
    "4808": _R.AUTHORIZATION,
    "4812": _R.AUTHORIZATION,  # Account not on file.
    "4831": _R.PROCESSING_ERROR,  # Wrong amount.
    "4834": _R.PROCESSING_ERROR,  # Point-of-interaction error: wrong amount or currency, late, or taken twice.
    "4837": _R.FRAUDULENT,  # No cardholder authorization.
    "4840": _R.FRAUDULENT,
    "4841": _R.SUBSCRIPTION_CANCELED,
    "4842": _R.PROCESSING_ERROR,  # Presented late.
    "4846": _R.PROCESSING_ERROR,  # Wrong currency.
    "4849": _R.FRAUDULENT,  # Questionable merchant activity.
    "4850": _R.PROCESSING_ERROR,  # Instalments.
    "4853": _R.GENERAL,  # Cardholder dispute: not received, not as described, canceled or not refunded alike.
    "4854": _R.GENERAL,  # Cardholder dispute that is in no other class.
    "4855": _R.PRODUCT_NOT_RECEIVED,
    "4859": _R.GENERAL,  # Addendum, no-show or a cash machine.
    "4860": _R.CREDIT_NOT_PROCESSED,
    "4863": _R.UNRECOGNIZED,
    "4870": _R.FRAUDULENT,  # Chip liability shift.
    "4871": _R.FRAUDULENT,  # Chip and PIN liability shift.
}

AMEX: Final[dict[str, DisputeReason]] = {
    "A01": _R.AUTHORIZATION,  # More than was authorized.
    "A02": _R.AUTHORIZATION,
    "A08": _R.AUTHORIZATION,  # The authorization had expired.
    "C02": _R.CREDIT_NOT_PROCESSED,
    "C04": _R.CREDIT_NOT_PROCESSED,  # Goods returned or refused.
    "C05": _R.CREDIT_NOT_PROCESSED,  # Goods or services canceled.
    "C08": _R.PRODUCT_NOT_RECEIVED,
    "C14": _R.DUPLICATE,  # Paid by other means.
    "C18": _R.CREDIT_NOT_PROCESSED,  # A reservation canceled.
    "C28": _R.SUBSCRIPTION_CANCELED,
    "C31": _R.PRODUCT_UNACCEPTABLE,  # Not as described.
    "C32": _R.PRODUCT_UNACCEPTABLE,  # Damaged or defective.
    "F10": _R.FRAUDULENT,  # No imprint.
    "F14": _R.FRAUDULENT,  # No signature.
    "F24": _R.FRAUDULENT,  # No cardmember authorization.
    "F29": _R.FRAUDULENT,  # Card not present.
    "F30": _R.FRAUDULENT,  # Counterfeit card.
    "F31": _R.FRAUDULENT,  # Lost, stolen or never received card.
    "FR2": _R.FRAUDULENT,
    "FR4": _R.FRAUDULENT,
    "FR6": _R.FRAUDULENT,
    "P01": _R.PROCESSING_ERROR,  # Unassigned card number.
    "P03": _R.PROCESSING_ERROR,  # Credit taken as a charge.
    "P04": _R.PROCESSING_ERROR,  # Charge taken as a credit.
    "P05": _R.PROCESSING_ERROR,  # Wrong amount.
    "P07": _R.PROCESSING_ERROR,  # Presented late.
    "P08": _R.DUPLICATE,
    "P22": _R.PROCESSING_ERROR,  # Wrong card number.
    "P23": _R.PROCESSING_ERROR,  # Wrong currency.
    # Its inquiries have codes of their own.
    "127": _R.UNRECOGNIZED,
    "155": _R.PRODUCT_NOT_RECEIVED,
    "173": _R.DUPLICATE,
    "175": _R.CREDIT_NOT_PROCESSED,
    "177": _R.UNRECOGNIZED,
    "193": _R.FRAUDULENT,
    "684": _R.CREDIT_NOT_PROCESSED,
}

REASONS: Final = {"visa": VISA, "mastercard": MASTERCARD, "maestro": MASTERCARD, "amex": AMEX}
"""By network, in the hub's words, then by the network's code."""


def reason_of(network: str | None, code: str | None) -> DisputeReason:
    """Say what a network's *code* means; a finer one ("12.6.1") as its whole ("12.6")."""
    table = REASONS.get(network or "", {})
    known = code or ""
    found = table.get(known) or table.get(known.rpartition(".")[0])
    return found or DisputeReason.GENERAL

"""Answers of Adyen's Checkout API v72, as they go over the wire. Pure."""

import secrets
import string
from typing import Any, Final

from hub.sandbox.adyen.records import Payment
from hub.sandbox.adyen.refusals import WRONG_CVC, Answer

Json = dict[str, Any]

_PSP_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ23456789"
_PSP_LENGTH: Final = 16
_AVS_DECLINED: Final = "32"
_CVC_DECLINED: Final = "24"
_NO_AVS: Final = "4 AVS not supported for this card type"


def new_psp() -> str:
    """Make a pspReference: 16 upper-case letters and digits."""
    return "".join(secrets.choice(_PSP_LETTERS) for _ in range(_PSP_LENGTH))


def new_auth_code() -> str:
    """Make the issuer's authorisation code."""
    return "".join(secrets.choice(string.digits) for _ in range(6))


def amount(payment: Payment, amount_minor: int | None = None) -> Json:
    """Write an amount in the payment's currency; without *amount_minor*, all of it."""
    value = payment.amount_minor if amount_minor is None else amount_minor
    return {"currency": payment.currency, "value": value}


def result(payment: Payment, answer: Answer, auth_code: str, *, shows_token: bool = True) -> Json:
    """Write the outcome of an authorisation."""
    body: Json = {
        "additionalData": card_data(payment) | _outcome_data(payment, answer, auth_code, shows_token=shows_token),
        "amount": amount(payment),
        "merchantReference": payment.reference,
        "paymentMethod": {"brand": payment.card.brand, "type": "scheme"},
        "pspReference": payment.id,
        "resultCode": answer.result_code,
    }
    if answer.reason is not None and answer.code is not None:
        body |= {"refusalReason": answer.reason, "refusalReasonCode": answer.code}
    return body


def challenged(payment: Payment, result_code: str, action: Json) -> Json:
    """Write that the payer must be asked first."""
    return {
        "action": action,
        "additionalData": card_data(payment),
        "merchantReference": payment.reference,
        "pspReference": payment.id,
        "resultCode": result_code,
    }


def redirect(url: str, form: dict[str, str] | None = None) -> Json:
    """Write a redirect: by GET, or by POST of *form*."""
    action: Json = {"type": "redirect", "paymentMethodType": "scheme", "url": url}
    return action | ({"method": "POST", "data": form} if form else {"method": "GET"})


def native(subtype: str, ticket: str) -> Json:
    """Write a step of native 3D Secure, for Adyen's own JavaScript."""
    return {
        "type": "threeDS2",
        "subtype": subtype,
        "paymentMethodType": "scheme",
        "authorisationToken": ticket,
        "paymentData": ticket,
        "token": ticket,
    }


def card_data(payment: Payment) -> dict[str, str]:
    """Write what is known of the card; every value is a string."""
    card = payment.card
    month, year = payment.expiry
    return {
        "cardBin": card.number[:6],
        "cardIssuingCountry": card.country,
        "cardPaymentMethod": card.brand,
        "cardSummary": card.last4,
        "expiryDate": f"{int(month)}/{year}",
        "fundingSource": card.funding,
        "issuerBin": card.number[:8],
        "issuerCountry": card.country,
        "merchantReference": payment.reference,
        "paymentMethod": card.brand,
        "paymentMethodVariant": card.brand,
    }


def stored_data(payment: Payment) -> dict[str, str]:
    """Write which token the payment made or used."""
    if not payment.token:
        return {}
    operation = "created" if payment.store else "alreadyExisting"
    return {
        "recurring.recurringDetailReference": payment.token,
        "recurring.shopperReference": payment.shopper_reference,
        "tokenization.shopperReference": payment.shopper_reference,
        "tokenization.store.operationType": operation,
        "tokenization.storedPaymentMethodId": payment.token,
    }


def _checks(payment: Payment, answer: Answer) -> dict[str, str]:
    """Write what the bank made of address and security code."""
    avs = "2 Neither postal code nor address match" if answer.code == _AVS_DECLINED else _NO_AVS
    cvc, raw = ("1 Matches", "M") if payment.security_code else ("6 No CVC/CVV provided", "")
    if payment.security_code and (answer.code == _CVC_DECLINED or answer == WRONG_CVC):
        cvc, raw = "2 Doesn't Match", "N"
    checks = {"avsResult": avs, "avsResultRaw": avs[0], "cvcResult": cvc}
    return checks | ({"cvcResultRaw": raw} if raw else {})


def _outcome_data(payment: Payment, answer: Answer, auth_code: str, *, shows_token: bool) -> dict[str, str]:
    data = {
        "acquirerCode": "TestPmmAcquirer",
        **_checks(payment, answer),
        "refusalReasonRaw": answer.raw,
        "shopperInteraction": payment.interaction,
    }
    code, found, _ = answer.raw.partition(" : ")
    if found:
        data["refusalCodeRaw"] = code
    if answer.advice:
        data["merchantAdviceCode"] = answer.advice
    if not answer.approved:
        return data
    data |= {"authCode": auth_code, "networkTxReference": payment.id[:15]}
    data |= stored_data(payment) if shows_token else {}
    return data | ({"recurringProcessingModel": payment.recurring_model} if payment.recurring_model else {})

"""
What a test card is told to answer, in Adyen's own refusal codes.

A trigger is what stands in `paymentMethod.holderName`, in `additionalData.RequestedTestAcquirerResponseCode`
or behind a stored token: a name or a code of the table, or `NAME : raw code : raw text`, where a fourth part
is the Mastercard advice code (`DECLINED : 51 : Insufficient funds : 24 : Retry after 1 hour`).

Source: https://docs.adyen.com/development-resources/testing/result-codes and
https://docs.adyen.com/development-resources/refusal-reasons
"""

from typing import Final

from msgspec import Struct

_RAW_MAX = 80
_CODE_AND_TEXT = 2
_WITH_ADVICE = 3


class Answer(Struct, frozen=True, kw_only=True):
    """What an authorisation comes back with."""

    result_code: str = "Authorised"
    code: str | None = None
    reason: str | None = None
    raw: str = "AUTHORISED"
    advice: str | None = None  # Mastercard's, "24 : Retry after 1 hour".
    partial: bool = False  # Only half of the amount was approved.

    @property
    def approved(self) -> bool:
        """Whether money is now held, or will be (Received)."""
        return self.result_code in {"Authorised", "Received"}


def _refused(code: str, name: str, reason: str, raw: str, result: str = "Refused") -> tuple[str, Answer]:
    return name, Answer(result_code=result, code=code, reason=reason, raw=raw)


_REFUSALS: Final = (
    _refused("0", "UNKNOWN", "Unknown", "UNKNOWN", "Error"),
    _refused("2", "DECLINED", "Refused", "05 : Do not honor"),
    _refused("3", "REFERRAL", "Referral", "01 : Refer to card issuer"),
    _refused("4", "ERROR", "Acquirer Error", "96 : System error", "Error"),
    _refused("5", "BLOCK_CARD", "Blocked Card", "41 : Lost card"),
    _refused("6", "CARD_EXPIRED", "Expired Card", "54 : Expired card"),
    _refused("7", "INVALID_AMOUNT", "Invalid Amount", "13 : Invalid amount"),
    _refused("8", "INVALID_CARD_NUMBER", "Invalid Card Number", "14 : Invalid card number"),
    _refused("9", "ISSUER_UNAVAILABLE", "Issuer Unavailable", "91 : Issuer unavailable"),
    _refused("10", "NOT_SUPPORTED", "Not supported", "12 : Invalid transaction"),
    _refused("11", "NOT_3D_AUTHENTICATED", "3D Not Authenticated", "3D Not Authenticated"),
    _refused("12", "NOT_ENOUGH_BALANCE", "Not enough balance", "51 : Insufficient funds/over credit limit"),
    _refused("14", "ACQUIRER_FRAUD", "Acquirer Fraud", "59 : Suspected fraud"),
    _refused("15", "CANCELLED", "Cancelled", "CANCELLED"),
    _refused("16", "SHOPPER_CANCELLED", "Shopper Cancelled", "SHOPPER_CANCELLED"),
    _refused("17", "INVALID_PIN", "Invalid Pin", "55 : Invalid PIN"),
    _refused("18", "PIN_TRIES_EXCEEDED", "Pin tries exceeded", "75 : PIN tries exceeded"),
    _refused("19", "PIN_VALIDATION_NOT_POSSIBLE", "Pin validation not possible", "86 : Cannot verify PIN"),
    _refused("20", "FRAUD", "FRAUD", "FRAUD"),
    _refused("21", "NOT_SUBMITTED", "Not Submitted", "NOT_SUBMITTED"),
    _refused("22", "FRAUD_CANCELLED", "FRAUD-CANCELLED", "FRAUD-CANCELLED", "Cancelled"),
    _refused("23", "TRANSACTION_NOT_PERMITTED", "Transaction Not Permitted", "57 : Not permitted"),
    _refused("24", "CVC_DECLINED", "CVC Declined", "N7 : Decline for CVV2 failure"),
    _refused("25", "RESTRICTED_CARD", "Restricted Card", "62 : Restricted card"),
    _refused("26", "REVOCATION_OF_AUTH", "Revocation Of Auth", "R1 : Revocation of authorisation order"),
    _refused("27", "DECLINED_NON_GENERIC", "Declined Non Generic", "78 : Blocked, first used"),
    _refused("28", "WITHDRAWAL_AMOUNT_EXCEEDED", "Withdrawal amount exceeded", "61 : Exceeds amount limit"),
    _refused("29", "WITHDRAWAL_COUNT_EXCEEDED", "Withdrawal count exceeded", "65 : Exceeds count limit"),
    _refused("31", "ISSUER_SUSPECTED_FRAUD", "Issuer Suspected Fraud", "59 : Suspected fraud"),
    _refused("32", "AVS_DECLINED", "AVS Declined", "6P : Verification data failed"),
    _refused("33", "PIN_REQUIRED", "Card requires online pin", "70 : PIN data required"),
    _refused("34", "NO_CHECKING_ACCOUNT", "No checking account available on Card", "52 : No account"),
    _refused("35", "NO_SAVINGS_ACCOUNT", "No savings account available on Card", "53 : No savings account"),
    _refused("36", "MOBILE_PIN_REQUIRED", "Mobile PIN required", "70 : PIN data required"),
    _refused("37", "CONTACTLESS_FALLBACK", "Contactless fallback", "CONTACTLESS_FALLBACK"),
    _refused("38", "AUTHENTICATION_REQUIRED", "Authentication required", "1A : Authentication required"),
    _refused("39", "RREQ_NOT_RECEIVED", "RReq not received from DS", "RREQ_NOT_RECEIVED"),
    _refused("40", "BAN_CURRENT_AID", "Current AID is in Penalty Box.", "BAN_CURRENT_AID"),
    _refused("41", "CVM_REQUIRED", "CVM Required Restart Payment", "CVM_REQUIRED"),
    _refused("42", "THREED_SECURE_ERROR", "3DS Authentication Error", "3DS Authentication Error"),
    _refused("43", "ONLINE_PIN_REQUIRED", "Online PIN required", "70 : PIN data required"),
    _refused("44", "TRY_ANOTHER_INTERFACE", "Try another interface", "TRY_ANOTHER_INTERFACE"),
    _refused("45", "CHIP_DOWNGRADE_MODE", "Chip downgrade mode", "CHIP_DOWNGRADE_MODE"),
    _refused("46", "ERPS_BLOCK", "Transaction blocked by Adyen to prevent excessive retry fees", "ERPS_BLOCK"),
    _refused("50", "TOKEN_REVOKED", "Token Revoked", "TOKEN_REVOKED"),
)

AUTHORISED: Final = Answer()
RECEIVED: Final = Answer(result_code="Received", raw="PENDING")
PARTLY_APPROVED: Final = Answer(raw="10 : Partial approval", partial=True)

BY_NAME: Final[dict[str, Answer]] = {
    "APPROVED": AUTHORISED,
    "PENDING": RECEIVED,
    "PARTIALLY_APPROVED": PARTLY_APPROVED,
    **dict(_REFUSALS),
}
BY_CODE: Final[dict[str, Answer]] = {
    "1": AUTHORISED,
    "13": RECEIVED,
    "30": PARTLY_APPROVED,
    **{answer.code: answer for _, answer in _REFUSALS if answer.code},
}

NOT_AUTHENTICATED: Final = BY_CODE["11"]
MUST_AUTHENTICATE: Final = BY_CODE["38"]
MUST_AUTHENTICATE_MASTERCARD: Final = Answer(
    result_code="Refused", code="38", reason="Authentication required", raw="65 : SCA required"
)
GIVEN_UP: Final = Answer(result_code="Cancelled", code="15", reason="Cancelled", raw="CANCELLED")
WRONG_EXPIRY: Final = Answer(result_code="Refused", code="2", reason="Refused", raw="DECLINED Expiry Incorrect")
WRONG_CVC: Final = Answer(result_code="Refused", code="2", reason="Refused", raw="DECLINED CVC Incorrect")


def triggered(trigger: str) -> Answer:
    """Read a trigger; a name that is none (an ordinary card holder) approves."""
    name, *parts = (part.strip() for part in trigger.split(":"))
    answer = BY_NAME.get(name) or BY_CODE.get(name) or AUTHORISED
    if answer.approved or len(parts) < _CODE_AND_TEXT:
        return answer
    raw = f"{parts[0]} : {parts[1]}"[:_RAW_MAX]
    advice = " : ".join(parts[_CODE_AND_TEXT:]) if len(parts) >= _WITH_ADVICE else None
    return Answer(result_code=answer.result_code, code=answer.code, reason=answer.reason, raw=raw, advice=advice)

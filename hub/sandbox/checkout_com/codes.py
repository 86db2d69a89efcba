"""
What the pretend processor says with a response code.

Source: https://www.checkout.com/docs/developer-resources/codes/api-response-codes and
https://www.checkout.com/docs/developer-resources/codes/recommendation-codes
"""

from typing import Final

from msgspec import Struct

_DECLINE_FIRST: Final = "2"


class Said(Struct, frozen=True):
    """One response code: its text, the network's own code, and the advice on trying again."""

    code: str
    summary: str
    network: str = ""
    recommendation: str = ""
    advice: str = ""  # Mastercard's.

    @property
    def approved(self) -> bool:
        """Whether the request was granted."""
        return self.code.startswith("10")


_SAID: Final = (
    Said("10000", "Approved", "00"),
    Said("20001", "Refer to card issuer", "01"),
    Said("20005", "Declined - Do not honour", "05"),
    Said("20012", "Invalid transaction", "12"),
    Said("20014", "Invalid account number (no such number)", "14"),
    Said("20051", "Insufficient funds", "51", "02", "02"),
    Said("20054", "Expired card", "54", "01", "01"),
    Said("20057", "Transaction not permitted to cardholder", "57"),
    Said("20059", "Suspected fraud", "59", "03", "03"),
    Said("20061", "Activity amount limit exceeded", "61", "02"),
    Said("20062", "Restricted card", "62"),
    Said("20063", "Security violation", "63"),
    Said("20068", "Response received too late / Timeout", "68"),
    Said("20078", "Blocked at first use", "78"),
    Said("20088", "Unable to dispense/process", "96"),
    Said("20091", "Issuer unavailable or switch is inoperative", "91"),
    Said("200N7", "Decline for CVV2 failure", "N7"),
    Said("200R3", "Issuer initiated a stop payment (revocation order) for all authorizations", "R3", "03", "03"),
    Said("20151", "Cardholder failed 3DS authentication"),
    Said("20152", "Initial 3DS transaction not completed within 15 minutes"),
    Said("20154", "3DS authentication required", "1A"),
    Said("30041", "Lost card - Pick up", "41"),
    Said("30043", "Stolen card - Pick up", "43", "03"),
    Said("43101", "Potential fraud risk"),
)

_BY_CODE: Final[dict[str, Said]] = {said.code: said for said in _SAID}


def said(code: str) -> Said:
    """Return what stands behind a code; one that is not listed says no more than itself."""
    return _BY_CODE.get(code) or Said(code, "Declined", code[-2:] if code.startswith(_DECLINE_FIRST) else "")

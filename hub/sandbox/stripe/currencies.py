"""
Which amounts Stripe takes in which currency.

Source: docs.stripe.com/currencies (presentment currencies, minor units, special cases, minimum and maximum).
"""

from hub.sandbox.stripe.errors import InvalidError

AMOUNT_MAX = 99_999_999

ZERO_DECIMAL = frozenset({
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
})  # fmt: skip
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
"""Sent in thousandths, of which the last digit must be 0."""

WHOLE_ONLY = frozenset({"isk", "ugx"})
"""Without decimals in truth, but sent with two zeros for compatibility."""

TWO_DECIMAL = frozenset({
    "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn", "bmd", "bnd",
    "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "cny", "cop", "crc", "cve", "czk", "dkk", "dop",
    "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip", "gmd", "gtq", "gyd", "hkd", "hnl", "htg", "huf",
    "idr", "ils", "inr", "jmd", "kes", "kgs", "khr", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl",
    "mkd", "mmk", "mnt", "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok", "npr", "nzd",
    "pab", "pen", "pgk", "php", "pkr", "pln", "qar", "ron", "rsd", "rub", "sar", "sbd", "scr", "sek", "sgd", "shp",
    "sle", "sos", "srd", "std", "szl", "thb", "tjs", "top", "try", "ttd", "twd", "tzs", "uah", "usd", "uyu", "uzs",
    "wst", "xcd", "xcg", "yer", "zar", "zmw",
})  # fmt: skip
SUPPORTED = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_ONLY | TWO_DECIMAL

MINIMUM_MINOR = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip
"""Stripe converts for the currencies it does not list; here those may go down to 1."""


def digits(currency: str) -> int:
    """Return how many decimals a currency has in Stripe's smallest units."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def check(amount: int, currency: str) -> None:
    """
    Check an amount to charge.

    Raises:
        InvalidError: as Stripe would refuse it.

    """
    if currency not in SUPPORTED:
        message = f"Invalid currency: {currency}. Stripe currently supports these currencies: "
        raise InvalidError(message + ", ".join(sorted(SUPPORTED)), param="currency")
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise InvalidError(message, code="parameter_invalid_integer", param="amount")
    if amount > AMOUNT_MAX:
        message = f"Amount must be no more than {AMOUNT_MAX} in the currency's minor unit"
        raise InvalidError(message, code="amount_too_large", param="amount")
    if amount < MINIMUM_MINOR.get(currency, 1):
        message = f"Amount must be at least {MINIMUM_MINOR[currency]} {currency} in the currency's minor unit"
        raise InvalidError(message, code="amount_too_small", param="amount")
    check_step(amount, currency)


def check_step(amount: int, currency: str, *, param: str = "amount") -> None:
    """Check the last digits of any amount, partial captures and refunds too."""
    if currency in THREE_DECIMAL and amount % 10:
        message = f"Invalid amount: in {currency} the last of three decimals must be 0."
        raise InvalidError(message, code="invalid_charge_amount", param=param)
    if currency in WHOLE_ONLY and amount % 100:
        message = f"Invalid amount: {currency} has no decimals; send whole amounts times 100."
        raise InvalidError(message, code="invalid_charge_amount", param=param)

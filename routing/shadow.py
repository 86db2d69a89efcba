"""What a ruleset that decides nothing would have done otherwise."""

from enum import StrEnum

from routing.plan import Plan


class Verdict(StrEnum):
    """How a shadow's plan differs from the one that was carried out; the first that applies."""

    REFUSAL = "refusal"  # One of them sends nothing, or they refuse with different codes.
    OTHER_ACCOUNT = "other_account"  # Another account is asked first.
    OTHER_ORDER = "other_order"  # The same one first, others behind it.
    AGREEING = "agreeing"


def compare(decided: Plan, shadowed: Plan) -> Verdict:
    """Hold what a shadow would have done against what was *decided*."""
    if bool(decided.order) is not bool(shadowed.order) or decided.refusal is not shadowed.refusal:
        return Verdict.REFUSAL
    if decided.order[:1] != shadowed.order[:1]:
        return Verdict.OTHER_ACCOUNT
    return Verdict.AGREEING if decided.order == shadowed.order else Verdict.OTHER_ORDER

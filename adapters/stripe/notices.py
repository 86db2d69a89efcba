"""What Stripe tells besides payments and disputes: cards that were renewed, payouts, reports. Pure.

Source: https://docs.stripe.com/api/events/types, https://docs.stripe.com/payments/cards/overview#automatic-card-updates.
"""

from adapters.contract import NoticeKind, SettlementNotice, TokenUpdate
from adapters.stripe.translate import facts, money_of
from adapters.stripe.wire import PaymentMethod, Payout, ReportRun, id_of
from normalization.tokens import ProcessorToken


def card_update(told: PaymentMethod, *, livemode: bool, retired: bool = False) -> list[TokenUpdate]:
    """Tell what is known now of a stored card; nothing of what is no card.

    `retired`: it was taken from its customer, after which nobody can charge it again.
    Source: https://docs.stripe.com/api/payment_methods/detach
    """
    if told.card is None or not told.id:
        return []
    token = ProcessorToken(processor="stripe", token=told.id, customer_reference=id_of(told.customer))
    return [TokenUpdate(token=token, livemode=livemode, card=facts(told.card), retired=retired)]


def payout(told: Payout, kind: NoticeKind) -> SettlementNotice:
    """Tell of money on its way to our bank, or of the list of what it was made of.

    Raises:
        OutcomeUnknownError: when its amount cannot be read.
    """
    money = money_of(told.amount, told.currency)
    return SettlementNotice(kind=kind, processor_reference=told.id, livemode=told.livemode, money=money)


def report_run(told: ReportRun) -> list[SettlementNotice]:
    """Tell of a report that was asked for and is made."""
    if told.result is None or told.result.url is None:
        return []
    return [
        SettlementNotice(
            kind=NoticeKind.REPORT_AVAILABLE,
            processor_reference=told.id,
            livemode=told.livemode,
            location=told.result.url,
        )
    ]

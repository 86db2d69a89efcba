"""The pretend Stripe: PaymentIntents, refunds, payment methods, webhooks, as docs.stripe.com describes them."""

from hub.sandbox.stripe.processor import Stripe

PROCESSOR = Stripe()

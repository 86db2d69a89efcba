"""A pretend Adyen: Checkout API v72, standard webhooks, test cards, 3D Secure pages and a dashboard."""

from hub.sandbox.adyen.processor import PROCESSOR

__all__ = ["PROCESSOR"]

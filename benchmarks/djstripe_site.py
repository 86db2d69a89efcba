"""dj-stripe as its documentation sets it up: its own view, its default handler, a PostgreSQL; nothing else.

Runs in an environment of its own, see `benchmarks.other_handler`. `python -m djstripe_site` makes the tables and
the endpoint; gunicorn serves `djstripe_site:application`.

Source: https://dj-stripe.dev/2.11/installation
"""

import os
import uuid
from urllib.parse import urlsplit

import django
import stripe
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

DATABASE = urlsplit(os.environ["DJSTRIPE_DATABASE_URL"])

settings.configure(
    SECRET_KEY="nothing is signed with it",  # noqa: S106 - see there
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djstripe"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # Sets the length of an answer.
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": DATABASE.path.removeprefix("/"),
            "USER": DATABASE.username or "",
            "PASSWORD": DATABASE.password or "",
            "HOST": DATABASE.hostname,
            "PORT": DATABASE.port,
            "CONN_MAX_AGE": None,  # Connections are kept, as the hub's are.
        }
    },
    STRIPE_TEST_SECRET_KEY=os.environ["DJSTRIPE_API_KEY"],
    STRIPE_LIVE_MODE=False,
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
stripe.api_base = os.environ["DJSTRIPE_PROCESSOR_URL"]
urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]
application = get_wsgi_application()


def _make() -> None:
    from djstripe.models import WebhookEndpoint  # noqa: PLC0415 - only after django.setup()

    call_command("migrate", verbosity=0)
    WebhookEndpoint.objects.create(
        id="we_bench",
        livemode=False,
        secret=os.environ["DJSTRIPE_WEBHOOK_SECRET"],
        url="http://127.0.0.1/",
        enabled_events=["*"],
        status="enabled",
        api_version=os.environ["DJSTRIPE_API_VERSION"],
        djstripe_uuid=uuid.UUID(os.environ["DJSTRIPE_ENDPOINT"]),
    )


if __name__ == "__main__":
    _make()

"""What is acknowledged is kept: where it cannot be, the processor is told so and comes again."""

from pathlib import Path

from sqlalchemy import text

from tests.hub.house import house
from tests.hub.money import rows
from tests.hub.payments.scenes import webhook

FULL = "CREATE TRIGGER full BEFORE INSERT ON webhook_deliveries BEGIN SELECT RAISE(ABORT, 'full'); END"


async def test_a_webhook_that_cannot_be_kept_is_not_acknowledged(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as made:
        account = made.accounts["stripe-eu"]
        taken = await webhook(made.hub, account)
        async with made.hub.parts.database.transaction() as connection:
            await connection.execute(text(FULL))

        refused = await webhook(made.hub, account)

        assert taken.status_code == 202
        assert refused.status_code >= 500
        assert len(await rows(made, "SELECT id FROM webhook_deliveries")) == 1

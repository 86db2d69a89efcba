"""A processor's webhook is as large as its own setting says, whatever requests of the API may be."""

from pathlib import Path

from msgspec.structs import replace

from tests.hub.house import QUICK, house

MOST = 300_000


async def test_a_webhook_may_be_as_large_as_the_setting_says_and_no_larger(sqlite_url: str, tmp_path: Path) -> None:
    settings = replace(QUICK, webhook_body_max_bytes=MOST)
    async with house(sqlite_url, tmp_path, settings=settings, with_worker=False) as made:
        url = f"{made.hub.url}/webhooks/{made.accounts['stripe-eu']}"

        fits = await made.controls.post(url, content=b" " * MOST)
        too_large = await made.controls.post(url, content=b" " * (MOST + 1))

    assert (fits.status_code, too_large.status_code) == (401, 413)
    assert too_large.json()["code"] == "body_too_large"
    assert str(MOST) in too_large.json()["detail"]

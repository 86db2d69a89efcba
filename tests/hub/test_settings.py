import base64
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import fields

from hub.settings import SETTINGS, InvalidSettingError, Settings, load_settings, settings_page
from normalization.declines import DeclineCode
from normalization.verdicts import Policy

KEY = base64.b64encode(bytes(32)).decode()


def test_without_variables_the_defaults_hold() -> None:
    assert load_settings({"PATH": "/bin"}) == Settings()


def test_variables_are_read() -> None:
    read = load_settings({"HUB_PORT": "9000", "HUB_DEVELOPMENT": "yes", "HUB_PUBLIC_URL": "https://pay.example.com/"})

    assert (read.port, read.development, read.public_url) == (9000, True, "https://pay.example.com")


def test_no_payment_method_need_be_remembered() -> None:
    settings = load_settings({"HUB_PAYMENT_METHODS_REMEMBERED_MAX": "0"})

    assert settings.payment_methods_remembered_max == 0


def test_a_policy_on_declines_is_read() -> None:
    text = '{"never": ["call_issuer"], "wait_hours": {"do_not_honor": 72}, "no_failover": ["do_not_honor"]}'

    assert load_settings({"HUB_DECLINE_POLICY": text}).decline_policy == Policy(
        never=frozenset({DeclineCode.CALL_ISSUER}),
        wait_at_least={DeclineCode.DO_NOT_HONOR: timedelta(hours=72)},
        no_failover=frozenset({DeclineCode.DO_NOT_HONOR}),
    )


@pytest.mark.parametrize(
    "text", ["never", '{"never": ["no_such_code"]}', '{"retry": []}', '{"wait_hours": {"do_not_honor": 0}}']
)
def test_a_policy_that_cannot_be_read_says_what_to_write(text: str) -> None:
    with pytest.raises(InvalidSettingError, match=r"HUB_DECLINE_POLICY: .*; write JSON such as"):
        load_settings({"HUB_DECLINE_POLICY": text})


def test_the_first_key_stays_first() -> None:
    assert list(load_settings({"HUB_KEYS": f"b:{KEY}, a:{KEY}"}).keys) == ["b", "a"]


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("HUB_PORT", "80a", "HUB_PORT: '80a' is no whole number"),
        ("HUB_PORT", "0", "HUB_PORT: '0' is no whole number"),
        ("HUB_PROT", "80", "HUB_PROT: no such setting"),
        ("HUB_DEVELOPMENT", "maybe", "HUB_DEVELOPMENT: 'maybe' is neither yes nor no"),
        ("HUB_KEYS", "k1", "HUB_KEYS: entry 1"),
        ("HUB_KEYS", "k1:c2hvcnQ=", "HUB_KEYS: the key 'k1' has 5 bytes"),
        ("HUB_KEYS", "k1:!", "HUB_KEYS: the key 'k1' is no base64"),
        ("HUB_PUBLIC_URL", "pay.example.com", "HUB_PUBLIC_URL: write the address"),
        ("HUB_DATABASE_URL", "", "HUB_DATABASE_URL: is empty"),
        ("HUB_LEASE_MS", "28000", "HUB_LEASE_MS: must be more than HUB_REQUEST_MS"),
        ("HUB_ANSWER_MS", "28000", "HUB_ANSWER_MS: must be less than HUB_REQUEST_MS"),
    ],
)
def test_a_wrong_value_names_its_variable(variable: str, value: str, told: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        load_settings({variable: value})

    assert str(caught.value).startswith(told)


def test_showing_settings_shows_no_secret() -> None:
    shown = repr(load_settings({"HUB_KEYS": f"k1:{KEY}", "HUB_DATABASE_URL": "postgresql://me:secret@db/hub"}))

    assert "secret" not in shown
    assert "\\x00" not in shown
    assert "postgresql://…@db/hub" in shown


def test_every_setting_has_a_meaning_and_the_page_is_in_step() -> None:
    assert list(SETTINGS) == [field.name for field in fields(Settings)]
    assert Path("docs/settings.md").read_text() == settings_page(), "write docs/settings.md again from settings_page()"

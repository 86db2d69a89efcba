"""`hub dev`: one command, and everything there is can be charged; what it was told it keeps."""

import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from hub.dev import Ready, first_charge
from hub.dev_processes import Folder, Kept, command_line
from tests.hub.commands import ROOT, SECONDS_MAX, ask, developing, ended, environment, hub, started

CURL = f"""#!{sys.executable}
import sys, urllib.request
url, headers, data, words = "", {{}}, None, iter(sys.argv[1:])
for word in words:
    if word == "-H":
        name, _, value = next(words).partition(": ")
        headers[name] = value
    elif word == "-d":
        data = next(words).encode()
    elif word != "-s":
        url = word
sys.stdout.write(urllib.request.urlopen(urllib.request.Request(url, data, headers)).read().decode())
"""
"""As much of curl as the printed commands use, for a machine that has none."""


def kept(folder: Path) -> Kept:
    told = Folder(folder)
    told.read()
    return told.kept


def runs(pid: int) -> bool:
    return command_line(pid) != ""


def test_the_sample_accounts_take_five_currencies_at_both_processors_in_three_regions(tmp_path: Path) -> None:
    with developing(tmp_path) as (place, _):
        accounts = ask(place, "GET", "/v1/merchant_accounts?limit=100").json()["data"]
        rulesets = ask(place, "GET", "/v1/routing/rulesets").json()["data"]

    taken = {(a["processor"], currency) for a in accounts for currency in a["currencies"] if a["risk_min"] == 0}
    assert taken >= {(p, c) for p in ("stripe", "adyen") for c in ("EUR", "USD", "GBP", "JPY", "KWD")}
    assert {a["region"] for a in accounts} == {None, "EEA", "UK", "US"}
    assert [a["name"] for a in accounts if a["risk_min"] == 60] == ["adyen-high-risk"]
    assert {a["name"]: a["id"] for a in accounts} == place.merchant_accounts
    assert [r["active"] for r in rulesets] == [True]


def test_the_printed_first_charge_works_when_it_is_pasted(tmp_path: Path) -> None:
    curl = tmp_path / "curl"
    curl.write_text(CURL)
    curl.chmod(stat.S_IRWXU)
    with developing(tmp_path / "dev") as (place, _):
        ready = Ready(
            url=place.url,
            api_key=place.api_key,
            merchant_accounts=place.merchant_accounts,
            sandbox=place.sandbox,
        )
        paths = f"{tmp_path}:{os.environ['PATH']}"
        pasted = subprocess.run(
            ("/bin/sh", "-e"),
            input=first_charge(ready),
            env={**environment(), "PATH": paths},
            capture_output=True,
            text=True,
            check=True,
        )

    payment = msgspec.json.decode(pasted.stdout)
    assert payment["status"] == "captured"
    assert payment["routing"]["rule"] == "eea-cards"


def test_the_readme_has_the_commands_that_are_printed() -> None:
    ready = Ready(url="http://127.0.0.1:8000", api_key="", merchant_accounts={}, sandbox={})

    assert first_charge(ready).partition("\n")[2] in (ROOT / "README.md").read_text()


def test_a_restart_keeps_key_accounts_and_payments_and_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    with developing(tmp_path) as (before, process):
        method = ask(
            before,
            "POST",
            "/v1/payment_methods",
            {"type": "card", "processor_tokens": [{"processor": "stripe", "token": "pm_card_visa"}]},
        ).json()["id"]
        body = {"amount": 100, "currency": "EUR", "country": "DE", "reference": "r-1", "payment_method": method}
        charged = ask(before, "POST", "/v1/payments", body, key="k-1").json()
        pids = [one.pid for one in kept(tmp_path).sandboxes.values()]
        code = ended(process, signal.SIGINT)

    assert (code, [pid for pid in pids if runs(pid)]) == (0, [])
    with developing(tmp_path) as (after, _):
        refunded = ask(after, "POST", f"/v1/payments/{charged['id']}/refunds", {"amount": 40}, key="k-2").json()
        rulesets = ask(after, "GET", "/v1/routing/rulesets").json()["data"]

    assert (after.api_key, after.merchant_accounts) == (before.api_key, before.merchant_accounts)
    assert after.sandbox == before.sandbox
    assert refunded["status"] == "succeeded"
    assert len(rulesets) == 1


def test_sandboxes_left_by_a_killed_hub_are_ended_by_the_next_start(tmp_path: Path) -> None:
    with developing(tmp_path) as (before, process):
        left = [one.pid for one in kept(tmp_path).sandboxes.values()]
        ended(process, signal.SIGKILL)
        survived = [runs(pid) for pid in left]

    with developing(tmp_path) as (after, _):
        now = [one.pid for one in kept(tmp_path).sandboxes.values()]

    assert survived == [True, True]
    assert [pid for pid in left if runs(pid)] == []
    assert set(now).isdisjoint(left)
    assert after.sandbox == before.sandbox


def test_a_sandbox_that_ends_by_itself_ends_all_and_is_named(tmp_path: Path) -> None:
    with developing(tmp_path) as (_, process):
        os.kill(kept(tmp_path).sandboxes["adyen"].pid, signal.SIGKILL)
        code = process.wait(SECONDS_MAX)
        assert process.stderr is not None
        told = process.stderr.read()

    assert code == 1
    assert "the adyen sandbox ended by itself" in told
    assert not runs(kept(tmp_path).sandboxes["stripe"].pid)


def test_a_closed_terminal_ends_every_process(tmp_path: Path) -> None:
    with developing(tmp_path) as (_, process):
        pids = [one.pid for one in kept(tmp_path).sandboxes.values()]
        code = ended(process, signal.SIGHUP)

    assert (code, [pid for pid in pids if runs(pid)]) == (0, [])


def test_with_standard_input_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    with started("dev", "--port", "0", "--json", "--with-stdin", "--folder", str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        pids = [one.pid for one in kept(tmp_path).sandboxes.values()]
        process.stdin.close()
        code = process.wait(SECONDS_MAX)

    assert (code, [pid for pid in pids if runs(pid)]) == (0, [])


def test_a_second_one_is_refused_the_folder_and_the_port_in_a_sentence(tmp_path: Path) -> None:
    with developing(tmp_path / "one") as (place, _):
        same_folder = hub("dev", "--port", "0", "--folder", str(tmp_path / "one"))
        same_port = hub("dev", "--port", place.url.rpartition(":")[2], "--folder", str(tmp_path / "two"))

    assert same_folder.returncode == same_port.returncode == 1
    assert "in use by another" in same_folder.stderr
    assert "is in use; choose another with --port" in same_port.stderr
    assert "Traceback" not in same_folder.stderr + same_port.stderr


def test_fresh_forgets_what_was_there(tmp_path: Path) -> None:
    with developing(tmp_path) as (before, _):
        pass

    with developing(tmp_path, "--fresh") as (after, _):
        accounts = ask(after, "GET", "/v1/merchant_accounts?limit=100").json()["data"]

    assert after.api_key != before.api_key
    assert len(accounts) == len(after.merchant_accounts) == 7


def test_it_runs_over_postgresql_and_valkey(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    with developing(tmp_path, "--database", postgres_url, "--redis", redis_url) as (place, _):
        accounts = ask(place, "GET", "/v1/merchant_accounts?limit=100").json()["data"]

    assert len(accounts) == 7
    assert not (tmp_path / "hub.db").exists()


@pytest.mark.parametrize("setting", ["HUB_KEYZ", "HUB_PORT"])
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, setting: str) -> None:
    refused = hub("dev", "--port", "0", "--folder", str(tmp_path), **{setting: "no number"})

    assert refused.returncode == 1
    assert setting in refused.stderr


def test_days_that_pass_have_passed_at_the_hub_and_at_both_processors(tmp_path: Path) -> None:
    with developing(tmp_path, "--advance-days", "7") as (place, _):
        body = {"type": "card", "processor_tokens": [{"processor": "stripe", "token": "pm_card_visa"}]}
        created = datetime.fromisoformat(ask(place, "POST", "/v1/payment_methods", body).json()["created_at"])
        clocks = [created.timestamp()]
        clocks += [httpx.get(f"{url}/_control/health").json()["now"] for url in place.sandbox.values()]

    ahead = [clock - datetime.now(UTC).timestamp() for clock in clocks]
    assert [round(seconds / 86_400, 1) for seconds in ahead] == [7.0, 7.0, 7.0]
    assert kept(tmp_path).ahead_days == 7

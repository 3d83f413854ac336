"""LiteLLM's own Python client and its command line `litellm-proxy`, unmodified, as an admin uses
them: keys, users, teams, models, credentials and spend."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import requests
from click.testing import CliRunner
from litellm.proxy.client import Client
from litellm.proxy.client.cli.main import cli as command
from litellm.proxy.client.exceptions import NotFoundError, UnauthorizedError
from litellm.proxy.client.users import UsersManagementClient

GATEWAY, MASTER = os.environ["GATEWAY"], os.environ["MASTER_KEY"]
PROVIDER, PROVIDER_KEY = os.environ["PROVIDER"], os.environ["PROVIDER_KEY"]
HELLO = [{"role": "user", "content": "Hello there!"}]

admin = Client(base_url=GATEWAY, api_key=MASTER)
users = UsersManagementClient(GATEWAY, MASTER)


def refused(error, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except error:
        return
    raise AssertionError(f"{call} was not refused")


def served(model):
    """Calls a model that was made just now: each Envoy hears of it a moment later."""
    until = time.monotonic() + 10
    while True:
        try:
            return admin.chat.completions(model, HELLO)
        except requests.HTTPError as error:
            if error.response.status_code != 404 or time.monotonic() > until:
                raise


def program(*arguments):
    """Runs the command line as a program."""
    environment = dict(os.environ, LITELLM_PROXY_URL=GATEWAY, LITELLM_PROXY_API_KEY=MASTER)
    name = Path(sys.executable).with_name("litellm-proxy")
    ran = subprocess.run([name, *arguments], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, f"{arguments}: {ran.stdout}\n{ran.stderr}"
    return json.loads(ran.stdout)


def cli(*arguments):
    """Runs the command line in this process, which has its imports already, and returns what it
    prints, as JSON when it is that."""
    options = ["--base-url", GATEWAY, "--api-key", MASTER]
    ran = CliRunner().invoke(command, [*options, *arguments])
    assert ran.exit_code == 0, f"{arguments}: {ran.output}\n{ran.exception}"
    try:
        return json.loads(ran.stdout)
    except json.JSONDecodeError:
        return ran.stdout


def keys():
    made = admin.keys.generate(models=["gpt-4o"], key_alias="lite", duration="1h", user_id="u-lite")
    key = made["key"]
    assert admin.keys.info(key)["info"]["key_alias"] == "lite"
    assert admin.keys.info(made["token"])["info"]["models"] == ["gpt-4o"]
    admin.keys.update(key=key, models=["gpt-4o", "gpt-4o-mini"], key_alias="lite-2")
    assert admin.keys.info(key)["info"]["models"] == ["gpt-4o", "gpt-4o-mini"]
    listed = admin.keys.list(page=1, size=100, return_full_object=True, user_id="u-lite")
    assert [row["key_alias"] for row in listed["keys"]] == ["lite-2"], listed

    own = Client(base_url=GATEWAY, api_key=key)
    answer = own.chat.completions("gpt-4o", HELLO)
    assert answer["choices"][0]["message"]["content"], answer
    assert {row["id"] for row in own.models.list()} == {"gpt-4o", "gpt-4o-mini"}
    refused(UnauthorizedError, own.keys.generate, models=["gpt-4o"])
    refused(UnauthorizedError, Client(GATEWAY, "sk-unknown-unknown").keys.list)

    assert admin.keys.delete(key_aliases=["lite-2"]) == {"deleted_keys": ["lite-2"]}
    refused(requests.HTTPError, admin.keys.info, key)
    refused(UnauthorizedError, own.chat.completions, "gpt-4o", HELLO)


def people_and_teams():
    made = users.create_user({"user_email": "a@lite.example", "user_role": "internal_user"})
    assert made["key"].startswith("sk-") and made["user_role"] == "internal_user"
    user = made["user_id"]
    assert users.get_user(user)["user_info"]["user_email"] == "a@lite.example"
    assert users.get_user_v2(user)["user_id"] == user
    assert user in [row["user_id"] for row in users.list_users({"page_size": 100})]

    team = admin.http.request("POST", "/team/new", json={"team_alias": "lite team", "models": ["gpt-4o"]})
    team = team["team_id"]
    assert team in [row["team_id"] for row in admin.teams.list()]
    assert [row["team_id"] for row in admin.teams.list_v2(team_id=team)["teams"]] == [team]
    assert isinstance(admin.teams.get_available(), list)
    key = admin.keys.generate(team_id=team)["key"]
    answer = Client(GATEWAY, key).http.request("GET", "/team/info", params={"team_id": team})
    assert answer["team_info"]["team_alias"] == "lite team"

    assert users.delete_user([user]) == 1
    refused(NotFoundError, users.get_user, user)
    admin.http.request("POST", "/team/delete", json={"team_ids": [team]})


def models_and_credentials():
    values = {"api_key": PROVIDER_KEY, "api_base": PROVIDER}
    made = admin.credentials.create("lite", {"custom_llm_provider": "openai"}, values)
    assert made["success"] is True
    assert admin.credentials.get("lite")["credential_info"] == {"custom_llm_provider": "openai"}
    assert PROVIDER_KEY not in json.dumps(admin.credentials.list())

    params = {"model": "openai/gpt-4o-mini", "litellm_credential_name": "lite"}
    made = admin.models.new("lite/mini", params, {"id": "lite-mini"})
    assert made["model_id"] == "lite-mini"
    assert admin.models.get(model_id="lite-mini")["model_name"] == "lite/mini"
    assert "lite/mini" in [row["model_group"] for row in admin.model_groups.info()]
    assert served("lite/mini")["model"] == "lite/mini"
    admin.models.update("lite-mini", {"model": "openai/gpt-4o"})
    assert admin.models.get(model_id="lite-mini")["litellm_params"]["model"] == "openai/gpt-4o"

    admin.models.delete("lite-mini")
    refused(NotFoundError, admin.models.get, model_id="lite-mini")
    refused(NotFoundError, admin.models.delete, "lite-mini")
    admin.credentials.delete("lite")
    refused(requests.HTTPError, admin.credentials.get, "lite")


def spend():
    key = admin.keys.generate(key_alias="lite-spender")
    admin_key = key["key"]
    told = Client(GATEWAY, admin_key).chat.completions("gpt-4o", HELLO)["usage"]
    print(json.dumps({"token": key["token"], "usage": told}))


def command_line():
    made = program("keys", "generate", "--models", "gpt-4o", "--key-alias", "cli", "--duration", "1h")
    assert made["key"] in cli("http", "request", "GET", f"/key/info?key={made['key']}")["key"]
    assert cli("keys", "delete", "--keys", made["key"]) == {"deleted_keys": [made["key"]]}
    added = cli("models", "add", "cli/mini", "-p", "model=openai/gpt-4o-mini",
                "-p", f"api_base={PROVIDER}", "-p", f"api_key={PROVIDER_KEY}", "-i", "id=cli-mini")
    assert added["model_id"] == "cli-mini"
    assert served("cli/mini")["choices"]
    assert "cli/mini" in cli("models", "list")
    cli("models", "delete", "cli-mini")
    made = cli("users", "create", "--email", "cli@lite.example", "--role", "internal_user")
    assert cli("users", "get", "--id", made["user_id"])["user_id"] == made["user_id"]
    assert cli("users", "delete", made["user_id"]) == 1
    cli("credentials", "create", "cli", "--info", "{}", "--values", '{"api_key": "sk-x"}')
    assert "cli" in cli("credentials", "list")
    cli("credentials", "delete", "cli")
    assert "Available Teams" in cli("teams", "list") or admin.teams.list() == []


keys()
people_and_teams()
models_and_credentials()
command_line()
spend()

"""Contract section 1: who may talk to it."""

import re

import pytest

UNAUTHENTICATED = {"success": False,
                   "message": "Unauthenticated. Please provide a valid API key."}


def with_headers(server, headers, path="/api/v1/webhooks"):
    return server.request("GET", path, headers=headers)


def test_both_headers_carry_the_key(server, account):
    assert with_headers(server, {"Authorization": f"Bearer {account.key}"}).status == 200
    assert with_headers(server, {"X-Api-Key": account.key}).status == 200
    assert with_headers(server, {"authorization": f"bearer {account.key}"}).status == 200


def test_a_bearer_token_wins_over_the_other_header(server, account):
    right, wrong = account.key, "sk_live_" + "x" * 40
    for headers, status in (({"Authorization": f"Bearer {right}", "X-Api-Key": wrong}, 200),
                            ({"Authorization": f"Bearer {wrong}", "X-Api-Key": right}, 401),
                            ({"Authorization": "Basic eDp5", "X-Api-Key": right}, 200)):
        assert with_headers(server, headers).status == status, headers


def test_key_looks_as_promised(server):
    keys = {server.account().key for _ in range(5)}
    assert len(keys) == 5
    for key in keys:
        assert re.fullmatch(r"sk_live_[A-Za-z0-9]{40}", key)


@pytest.mark.parametrize("headers", [
    {},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer sk_live_" + "x" * 40},
    {"Authorization": "Basic c2tfbGl2ZTp4"},
    {"X-Api-Key": ""},
    {"X-Api-Key": "sk_live_" + "0" * 40},
    {"X-Api-Key": "sk_test"},
    {"Authorization": "Bearer " + "z" * 5000},
])
def test_no_key_or_a_wrong_one(server, headers):
    answer = with_headers(server, headers)
    assert answer.status == 401
    assert answer.json == UNAUTHENTICATED
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"].startswith("application/json")


def test_operator_token_is_no_account_key_nor_the_other_way_round(server, account):
    assert with_headers(server, {"Authorization": f"Bearer {server.operator_token}"}).status == 401
    answer = with_headers(server, {"Authorization": f"Bearer {account.key}"},
                          "/operator/v1/accounts")
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json["success"] is False


@pytest.mark.parametrize("path", ["/accounts", "/accounts/1", "/stats"])
def test_operator_routes_need_the_token(server, path):
    assert server.request("GET", "/operator/v1" + path).status == 401
    assert server.operator("GET", path, token="op_" + "x" * 40).status == 401


def test_inactive_account(server, account):
    answer = server.operator("PUT", f"/accounts/{account.id}", {"is_active": False})
    assert answer.status == 200
    refused = account.get("/webhooks")
    assert refused.status == 403
    assert refused.json["success"] is False and refused.message
    assert server.operator("PUT", f"/accounts/{account.id}", {"is_active": True}).status == 200
    assert account.get("/webhooks").status == 200


ALLOWED = "https://app.example.com"


@pytest.mark.parametrize("headers,status", [
    ({"Origin": ALLOWED}, 200),
    ({"Origin": "https://second.example.com:8443"}, 200),
    ({"Referer": ALLOWED + "/settings/webhooks?tab=1"}, 200),
    ({"Origin": "https://evil.example.com"}, 403),
    ({"Origin": "https://app.example.com.evil.com"}, 403),
    ({"Origin": "http://app.example.com"}, 403),
    ({"Origin": "https://evil.example.com", "Referer": ALLOWED + "/"}, 403),
    ({"Referer": "https://evil.example.com/" + ALLOWED}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "HTTPS://App.Example.com:443"}, 200),
    ({}, 403),
])
def test_allowed_origins(server, headers, status):
    account = server.account(allowed_origins=[ALLOWED, "https://second.example.com:8443"])
    answer = account.get("/webhooks", headers=headers)
    assert answer.status == status
    if status == 403:
        assert answer.json == {"success": False, "message": "Request origin is not allowed."}


@pytest.mark.parametrize("allowed", [[], ["*"]])
def test_any_origin_where_none_is_listed(server, allowed):
    account = server.account(allowed_origins=allowed)
    assert account.get("/webhooks", headers={"Origin": "https://any.example.com"}).status == 200
    assert account.get("/webhooks").status == 200


def test_origins_can_be_changed(server, account):
    server.operator("PUT", f"/accounts/{account.id}", {"allowed_origins": [ALLOWED]})
    other = {"Origin": "https://other.example.com"}
    assert account.get("/webhooks", headers=other).status == 403
    server.operator("PUT", f"/accounts/{account.id}", {"allowed_origins": []})
    assert account.get("/webhooks", headers=other).status == 200


def test_a_new_key_kills_the_old_one_at_once(server, account):
    answer = server.operator("POST", f"/accounts/{account.id}/regenerate-key")
    assert answer.status == 200
    key = answer.data["api_key"]
    assert re.fullmatch(r"sk_live_[A-Za-z0-9]{40}", key) and key != account.key
    assert account.get("/webhooks").status == 401
    assert with_headers(server, {"X-Api-Key": key}).status == 200


def test_a_deleted_accounts_key_is_dead(server, account):
    assert server.operator("DELETE", f"/accounts/{account.id}").status == 204
    assert account.get("/webhooks").status == 401

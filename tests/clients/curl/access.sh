#!/usr/bin/env bash
# Keys: what is answered without one, with a wrong one, and with one that does not suffice.
set -euo pipefail
source "$(dirname "$0")/support.sh" "$@"

# with KEY METHOD PATH [BODY]: a call with a key.
with() {
    local key=$1
    shift
    extra=(-H "authorization: Bearer $key")
    call "$@"
    extra=()
}

backups=/v1/backups/$BACKEND
for probe in ready live; do
    call GET "/v1/.well-known/$probe"
    expect 200
done
call GET /v1/.well-known/openid-configuration
expect 404
step "whether the server is there can be asked by anybody"

for request in "GET /v1/meta" "GET /v1/schema" "POST /v1/schema {\"class\":\"Mine\"}" "GET $backups" "GET $backups/a" \
    "POST $backups {\"id\":\"a\"}" "DELETE $backups/a" "POST $backups/a/restore {}" "GET $backups/a/restore" \
    "DELETE $backups/a/restore" "POST /v1/graphql {\"query\":\"{Aggregate{A{meta{count}}}}\"}" "GET /v1/users/own-info"; do
    read -r method path data <<<"$request"
    call "$method" "$path" ${data:+"$data"}
    expect_schema 401 401
    with wrong-key "$method" "$path" ${data:+"$data"}
    expect_schema 401 401
    [[ "$body" != *wrong-key* ]] || fail "the key should not be repeated"
done
step "without a key nothing is told"

with "$ADMIN_KEY" POST /v1/schema '{"class":"Article"}'
expect 200
with "$ADMIN_KEY" POST /v1/objects '{"class":"Article","properties":{"n":1}}'
expect 200
with "$ADMIN_KEY" POST "$backups" '{"id":"kept"}'
expect 200
for path in /v1/schema /v1/meta "/v1/objects?class=Article" "$backups" "$backups/kept"; do
    with "$READER_KEY" GET "$path"
    expect 200
done
with "$READER_KEY" POST /v1/graphql '{"query":"{Aggregate{Article{meta{count}}}}"}'
expect 200 '"count":1'
for request in "POST /v1/schema {\"class\":\"Mine\"}" "DELETE /v1/schema/Article" "POST /v1/objects {\"class\":\"Article\"}" \
    "POST /v1/batch/objects {\"objects\":[]}" "POST $backups {\"id\":\"mine\"}" "DELETE $backups/kept" \
    "POST $backups/kept/restore {}" "DELETE $backups/kept/restore" "POST /v1/users/db/mallory" "GET /v1/users/db"; do
    read -r method path data <<<"$request"
    with "$READER_KEY" "$method" "$path" ${data:+"$data"}
    expect_refusal 403
done
step "who may read may not write"

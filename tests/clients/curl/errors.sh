#!/usr/bin/env bash
# Every shape of an error, and what is tolerated.
set -euo pipefail
source "$(dirname "$0")/support.sh" "$@"

backups=/v1/backups/$BACKEND
call POST "$backups" '{"id":"nothing"}'
expect_refusal 422
for class in Article Author; do
    call POST /v1/schema "{\"class\":\"$class\"}"
    expect 200
    call POST /v1/objects "{\"class\":\"$class\",\"properties\":{\"n\":1}}"
    expect 200
done

for path in "$backups" "$backups/some/restore"; do
    call POST "$path" '{"id":'
    expect_schema 400 400
    call POST "$path" '{"config":[]}'
    expect_schema 400 400 config
    call POST "$path"
    expect_schema 422 602 body
    call POST "$path" '{"id":"some","config":{"CPUPercentage":81}}'
    expect_schema 422 608 CPUPercentage
    call POST "$path" '{"id":"some","config":{"cpupercentage":-1}}'
    expect_schema 422 609 CPUPercentage
    call POST "$path" '{"include":["A"],"exclude":["B"],"config":{"CPUPercentage":99}}'
    expect_schema 422 608 CPUPercentage
done
call POST "$backups" '{"id":"some","config":{"CompressionLevel":"Tiny"}}'
expect_schema 422 606 CompressionLevel
for option in rolesOptions usersOptions; do
    call POST "$backups/some/restore" "{\"config\":{\"$option\":\"some\"}}"
    expect_schema 422 606 "$option"
done
call GET "$backups?order=sideways"
expect_schema 422 606 order
step "what the schema forbids has its own shape and codes"

for path in /v1/nothing /nothing "$backups/a/b/c" /v1/backups; do
    call GET "$path"
    expect_schema 404 404
done
call PUT "$backups" '{}'
expect_schema 405 405
grep -iq '^allow:.*POST' "$headers" || fail "Allow should name POST"
call PATCH "$backups/some" '{}'
expect_schema 405 405
grep -iq '^allow:.*DELETE' "$headers" || fail "Allow should name DELETE"
call DELETE /v1/schema
expect_schema 405 405
grep -iq '^allow:.*GET' "$headers" || fail "Allow should name GET"
step "unknown paths and wrong methods"

for call in "POST /v1/backups/azure {\"id\":\"some\"}" "GET /v1/backups/azure/some" "POST /v1/backups/azure/some/restore {}" \
    "DELETE /v1/backups/azure/some" "GET /v1/backups/azure"; do
    read -r method path data <<<"$call"
    call "$method" "$path" ${data:+"$data"}
    expect_refusal 422 azure
done
call POST "$backups" '{"id":"some","include":["Article"],"exclude":["Author"]}'
expect_refusal 422 include exclude
call POST "$backups" '{"id":"some","include":["Missing"]}'
expect_refusal 422 Missing
call POST "$backups" '{"id":"some","include":["Article","Article"]}'
expect_refusal 422 Article
call POST "$backups" '{"id":"some","exclude":["A*"]}'
expect_refusal 422
call POST "$backups" '{"id":"some","incremental_base_backup_id":"some"}'
[ "$code" = 422 ] || [ "$code" = 500 ] || fail "a backup cannot build on itself"
for id in Upper 'a b' '' '..' 'a/b'; do
    call POST "$backups" "{\"id\":\"$id\"}"
    expect_refusal 422
done
step "what cannot be done"

for path in nobody nobody/restore; do
    call GET "$backups/$path"
    expect_refusal 404 nobody
done
call POST "$backups/nobody/restore" '{}'
expect_refusal 404 nobody
for path in nobody nobody/restore; do
    call DELETE "$backups/$path"
    expect 204
done
call DELETE "$backups/Upper"
expect_refusal 422
call GET "$backups/..%2f..%2fetc"
expect_refusal 404
call GET "$backups"
expect 200
[ "$body" = '[]' ] || fail "there should be no backup"
step "what is not there"

call POST "$backups/" '{"ID":"loose","Include":["Art*"],"exclude":[],"unknown":1,"incremental_base_backup_id":null,"config":{"chunksize":8,"ENDPOINT":"x","cpuPercentage":0,"compressionLevel":null}}'
expect 200 '"classes":["Article"]'
ended "$backups/loose/" SUCCESS
call GET "/v1/backups/backup-$BACKEND/loose"
expect 200 '"status":"SUCCESS"' "\"backend\":\"backup-$BACKEND\""
call POST "$backups" '{"id":"loose"}'
expect_refusal 422 loose
call GET "$backups/loose/restore"
expect_refusal 404 loose
call POST "$backups/loose/restore" '{"include":["Author"]}'
expect_refusal 422 Author
call POST "$backups/loose/restore" '{"node_mapping":{},"overwritealias":false,"config":{"usersOptions":"noRestore"}}'
expect 200
ended "$backups/loose/restore" FAILED
call GET /v1/aliases/
expect 200 '"aliases":'
step "what is tolerated"

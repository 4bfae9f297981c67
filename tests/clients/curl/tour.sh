#!/usr/bin/env bash
# The calls of the README, one after another.
set -euo pipefail
source "$(dirname "$0")/support.sh" "$@"

call GET /v1/.well-known/ready
[ "$code" = 200 ] || [ "$code" = 204 ] || fail "it should be ready"
call POST /v1/schema '{"class":"Article","properties":[{"name":"title","dataType":["text"]}]}'
expect 200 '"class":"Article"'
id=11111111-2222-3333-4444-555555555555
call POST /v1/objects '{"class":"Article","id":"'$id'","properties":{"title":"Layers"},"vector":[0.125,0.25]}'
expect 200 '"title":"Layers"'
call GET "/v1/objects/Article/$id?include=vector"
expect 200 '"title":"Layers"' '"vector":[0.125,0.25]'
before=$body
step "a class with an object"

call POST "/v1/backups/$BACKEND" '{"id":"nightly-7","include":["Article"],"config":{"CompressionLevel":"ZstdBestSpeed","CPUPercentage":60}}'
expect 200 '"id":"nightly-7"' "\"backend\":\"$BACKEND\"" '"classes":["Article"]' '"status":"STARTED"'
expect 200 "\"path\":\"$HOME_OF_BACKUPS/nightly-7\""
call GET "/v1/backups/$BACKEND/nightly-7"
expect 200 '"status":"' '"completedAt":"0001-01-01T00:00:00.000Z"'
ended "/v1/backups/$BACKEND/nightly-7" SUCCESS
expect 200 '"id":"nightly-7"' "\"backend\":\"$BACKEND\"" "\"path\":\"$HOME_OF_BACKUPS/nightly-7\""
expect 200 '"startedAt":"20' '"completedAt":"20' 'Z"' '"size":'
step "a backup and its status"

call POST "/v1/backups/$BACKEND" '{"id":"nightly-8"}'
expect 200
ended "/v1/backups/$BACKEND/nightly-8" SUCCESS
call GET "/v1/backups/$BACKEND?order=asc"
expect 200 '[{"id":"nightly-7","classes":["Article"],"status":"SUCCESS","startedAt":"20'
call GET "/v1/backups/$BACKEND"
expect 200 '[{"id":"nightly-8","classes":["Article"],"status":"SUCCESS","startedAt":"20'
step "the list, oldest first if asked for"

call DELETE "/v1/backups/$BACKEND/nightly-7"
expect_refusal 422 nightly-7 cancelled
call POST "/v1/backups/$BACKEND" '{"id":"nightly-9"}'
expect 200
call DELETE "/v1/backups/$BACKEND/nightly-9"
expect 204
[ -z "$body" ] || fail "the answer should be empty"
ended "/v1/backups/$BACKEND/nightly-9" CANCELED
expect 200 '"error":"'
step "a cancel that comes in time wins, one that comes too late is refused"

call POST "/v1/backups/$BACKEND/nightly-7/restore" '{}'
expect 200 '"status":"STARTED"'
ended "/v1/backups/$BACKEND/nightly-7/restore" FAILED
expect 200 'already exists' Article
call DELETE /v1/schema/Article
expect 200
call GET /v1/schema/Article
expect 404
call POST "/v1/backups/$BACKEND/nightly-7/restore" '{"id":"nightly-7","config":{}}'
expect 200 '"id":"nightly-7"' "\"backend\":\"$BACKEND\"" '"classes":["Article"]' '"status":"STARTED"'
ended "/v1/backups/$BACKEND/nightly-7/restore" SUCCESS
call GET "/v1/objects/Article/$id?include=vector"
expect 200
[ "$body" = "$before" ] || fail "the object should be $before"
step "what was lost is restored"

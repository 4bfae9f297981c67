# What the scenarios share: calls, what is expected of them, and the steps that are printed. Sourced by the others.

REST=$1
BACKEND=$3
HOME_OF_BACKUPS=$BACKUP_HOME
answer=$(mktemp)
extra=()
headers=$(mktemp)
trap 'rm -f "$answer" "$headers"' EXIT

# call METHOD PATH [BODY]: sets `code` and `body`.
call() {
    local data=()
    if [ $# -gt 2 ]; then
        data=(-H 'content-type: application/json' -d "$3")
    fi
    code=$(curl -sS -m 60 -o "$answer" -D "$headers" -w '%{http_code}' -X "$1" "${extra[@]}" "${data[@]}" "$REST$2")
    body=$(cat "$answer")
    request="$*"
}

fail() {
    echo "failed: $request: $1; it answered $code $body" >&2
    exit 1
}

# expect CODE [TEXT]...: the last call had this status and a body that contains all of these.
expect() {
    [ "$code" = "$1" ] || fail "it should be $1"
    shift
    local text
    for text in "$@"; do
        [[ "$body" == *"$text"* ]] || fail "\`$text\` is missing"
    done
}

# expect_schema CODE RULE [TEXT]...: an error that comes before any handler.
expect_schema() {
    local status=$1 rule=$2
    shift 2
    expect "$status" "\"code\":$rule" '"message":"' "$@"
}

# expect_refusal CODE [TEXT]...: an error of the application.
expect_refusal() {
    local status=$1
    shift
    expect "$status" '{"error":[{"message":"' "$@"
}

# ended PATH STATUS: asks until the operation has come to this status, which is its last.
ended() {
    for _ in $(seq 300); do
        call GET "$1"
        expect 200 '"status":"'
        case "$body" in
            *"\"status\":\"$2\""*) return ;;
            *'"status":"SUCCESS"'* | *'"status":"FAILED"'* | *'"status":"CANCELED"'*) fail "it should become $2" ;;
        esac
        sleep 0.1
    done
    fail "it takes too long"
}

step() {
    echo "ok: $1"
}

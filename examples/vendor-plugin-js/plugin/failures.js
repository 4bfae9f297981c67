// Turns what the service and the network say into the kinds of error that a host acts on.

// An error to throw; the binding makes it the `err` of the function's `result`.
export function failure(kind, message, more = {}) {
  return { kind, message: message.slice(0, 4000), outcome: 'no-effect', ...more };
}

// Whether something that was caught is one of ours with that kind.
export function isKind(caught, kind) {
  return caught?.kind === kind;
}

// Words of wasi:http for a request that never reached the service.
const UNSENT = new Set(['DNS-timeout', 'DNS-error', 'destination-not-found', 'destination-unavailable', 'connection-refused']);

// The error for a request without an answer; `code` is an `error-code` of wasi:http. `asked` says what was to be done
// and whether it changes the store.
export function unanswered(asked, code) {
  const message = `cannot ${asked.doing}: ${code.tag}`;
  if (code.tag === 'HTTP-request-denied') {
    return failure('denied', `${message}: the origin is not granted`);
  }
  return failure('transient', message, { outcome: asked.changes && !UNSENT.has(code.tag) ? 'unknown' : 'no-effect' });
}

// The error for an answer that is no success.
export function refused(asked, response) {
  const { status } = response;
  const code = response.header('x-ms-error-code') ?? '';
  const kind = kindOf(status, code, asked.condition?.tag ?? 'none');
  const wait = Number.parseInt(response.header('retry-after') ?? '', 10);
  return failure(kind, `cannot ${asked.doing}: the service answers ${status} ${code}`.trimEnd(), {
    httpStatus: status,
    requestId: response.header('x-ms-request-id')?.slice(0, 256),
    retryAfterMs: wait >= 0 && wait <= 86_400 ? BigInt(wait) * 1000n : undefined,
    outcome: asked.changes && status >= 500 ? 'unknown' : 'no-effect',
  });
}

function kindOf(status, code, condition) {
  if (condition === 'if-match' && (status === 412 || status === 404)) {
    return 'precondition-failed';
  }
  if (condition === 'if-absent' && (status === 412 || code === 'BlobAlreadyExists')) {
    return 'already-exists';
  }
  if (status === 401 || (status === 403 && code === 'AuthenticationFailed')) {
    return 'unauthenticated';
  }
  if (status === 429 || (status === 503 && code === 'ServerBusy')) {
    return 'throttled';
  }
  if (code === 'Md5Mismatch') {
    return 'corrupt';
  }
  if (code === 'InvalidBlockList') {
    return 'not-found';
  }
  if (status === 408 || status >= 500) {
    return 'transient';
  }
  // 409 and 412 without a condition: a lease or a policy of the container is in the way.
  const kinds = { 403: 'denied', 404: 'not-found', 409: 'denied', 412: 'denied', 413: 'unsupported' };
  return kinds[status] ?? 'internal';
}

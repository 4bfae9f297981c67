// Turns what the service and the network say into the kinds of error that a host acts on.
//
// The service's own word decides first, then the status: one status stands for many things.

// An error to throw; the binding makes it the `err` of the function's `result`.
export function failure(kind, message, more = {}) {
  return { kind, message: message.slice(0, 4000), outcome: 'no-effect', ...more };
}

// Whether something that was caught is one of ours with that kind.
export function isKind(caught, kind) {
  return caught?.kind === kind;
}

// The kind of each word, of a table with the words of each kind.
function kinds(table) {
  return new Map(Object.entries(table).flatMap(([kind, words]) => words.map((word) => [word, kind])));
}

// Words of wasi:http for a request that never reached the service. After any other the service may have acted on it.
const UNSENT = kinds({
  denied: ['HTTP-request-denied', 'destination-IP-prohibited', 'destination-IP-unroutable'],
  'invalid-config': ['TLS-certificate-error', 'TLS-protocol-error', 'TLS-alert-received', 'HTTP-request-URI-invalid'],
  transient: [
    'DNS-error',
    'DNS-timeout',
    'destination-not-found',
    'destination-unavailable',
    'connection-refused',
    'connection-timeout',
    'connection-limit-reached',
  ],
});
const UNSENT_HINTS = {
  denied: '; SAS_ORIGIN is not granted, or its address is local or private',
  'invalid-config': '; look at SAS_ORIGIN, TLS and the certificate authorities',
};

// The words of the service, as the header `x-ms-error-code` carries them.
const CODES = kinds({
  // Blocks go with the upload that made the blob, or after a week.
  'not-found': ['BlobNotFound', 'ResourceNotFound', 'InvalidBlockList', 'InvalidBlobOrBlock', 'InvalidBlockId'],
  'already-exists': ['BlobAlreadyExists'],
  'precondition-failed': ['ConditionNotMet', 'TargetConditionNotMet'],
  'invalid-config': [
    'ContainerNotFound',
    'ContainerDisabled',
    'InvalidResourceName',
    'OutOfRangeInput',
    'AuthenticationFailedVersion',
    'AccountIsDisabled',
  ],
  unauthenticated: ['AuthenticationFailed', 'InvalidAuthenticationInfo', 'NoAuthenticationInformation'],
  denied: [
    'AuthorizationFailure',
    'AuthorizationPermissionMismatch',
    'AuthorizationResourceTypeMismatch',
    'AuthorizationServiceMismatch',
    'AuthorizationProtocolMismatch',
    'AuthorizationSourceIPMismatch',
    'InsufficientAccountPermissions',
    'PublicAccessNotPermitted',
    'LeaseIdMissing',
    'BlobImmutableDueToPolicy',
    'SnapshotsPresent',
  ],
  throttled: ['ServerBusy'],
  // What arrived is not what was sent: the next try may fare better.
  transient: ['Md5Mismatch', 'Crc64Mismatch', 'InternalError', 'OperationTimedOut', 'ContainerBeingDeleted'],
  quota: ['BlockCountExceedsLimit', 'AccountLimitExceeded'],
  unsupported: [
    'RequestBodyTooLarge',
    'BlobTypeNotSupported',
    'InvalidBlobTier',
    'UnsupportedHeader',
    'FeatureVersionMismatch',
    'InvalidBlobType',
  ],
});

// What a status means without one of these words.
const STATUSES = new Map([
  [401, 'unauthenticated'],
  [403, 'denied'],
  [404, 'not-found'],
  [408, 'transient'],
  [409, 'transient'],
  [411, 'unsupported'],
  [413, 'unsupported'],
  [425, 'transient'],
  [429, 'throttled'],
  [501, 'unsupported'],
  [503, 'throttled'],
  [507, 'quota'],
]);

// What to look at, where that is known.
const HINTS = {
  unauthenticated: '; look at SAS_TOKEN and at the clock',
  denied: '; look at SAS_TOKEN and its permissions',
  'invalid-config': '; look at SAS_ORIGIN, SAS_ACCOUNT and SAS_CONTAINER',
};

// The error for a request without an answer; `code` is an `error-code` of wasi:http. `asked` says what was to be done
// and whether it changes the store.
export function unanswered(asked, code) {
  const text = `cannot ${asked.doing}: ${code.tag}`;
  const unsent = UNSENT.get(code.tag);
  if (unsent !== undefined) {
    return failure(unsent, text + (UNSENT_HINTS[unsent] ?? ''));
  }
  return failure('transient', text, { outcome: asked.changes ? 'unknown' : 'no-effect' });
}

// The error for an answer that is no success.
export function refused(asked, response) {
  const { status } = response;
  const code = printable(response.header('x-ms-error-code'), 128) ?? '';
  const kind = kindOf(status, code, asked.condition?.tag ?? 'none');
  const wait = response.header('retry-after') ?? '';
  // A service that broke down may have done it first, unless it says that it refused.
  const refuses = kind === 'throttled' && code !== '';
  const isOpen = asked.changes && status >= 500 && status !== 501 && !refuses;
  const said = `${status} ${code}`.trimEnd();
  return failure(kind, `cannot ${asked.doing}: the service answers ${said}${HINTS[kind] ?? ''}`, {
    httpStatus: status,
    requestId: printable(response.header('x-ms-request-id'), 256),
    retryAfterMs: /^\d{1,9}$/.test(wait) ? BigInt(wait) * 1000n : undefined,
    outcome: isOpen ? 'unknown' : 'no-effect',
  });
}

// A header as it may be told: the host bounds text in bytes, and takes more for a fault of the plugin.
function printable(value, length) {
  return value !== undefined && /^[\x21-\x7e]+$/.test(value) ? value.slice(0, length) : undefined;
}

function kindOf(status, code, condition) {
  const kind = CODES.get(code);
  if (condition === 'if-absent' && kind === 'precondition-failed') {
    return 'already-exists';
  }
  // A blob that is not there has no etag. Where the container is missing, it is not the condition that failed.
  if (condition === 'if-match' && code === 'BlobNotFound') {
    return 'precondition-failed';
  }
  return kind ?? STATUSES.get(status) ?? byRange(status, code, condition);
}

function byRange(status, code, condition) {
  if (status === 412) {
    // Without a word it can only mean the condition that was sent; with another word it is about a lease or the like.
    const unmet = { 'if-absent': 'already-exists', 'if-match': 'precondition-failed' };
    return (code === '' && unmet[condition]) || 'denied';
  }
  if (status >= 300 && status <= 399) {
    return 'invalid-config';
  }
  return status >= 500 ? 'transient' : 'internal';
}

// Each row of the tables of `plugin/failures.js`: `npm test`.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { refused, unanswered } from '../plugin/failures.js';

const NONE = { tag: 'none' };
const ABSENT = { tag: 'if-absent' };
const MATCH = { tag: 'if-match', val: 'x' };

// What is made of an answer with this status and word.
function told(status, code, { condition = NONE, changes = true, headers = {} } = {}) {
  const all = { 'x-ms-error-code': code || undefined, 'x-ms-request-id': 'R1', ...headers };
  return refused({ doing: 'put a/b', changes, condition }, { status, header: (name) => all[name] });
}

test('the word of the service decides before the status', () => {
  const rows = {
    'not-found': 'BlobNotFound ResourceNotFound InvalidBlockList InvalidBlobOrBlock InvalidBlockId',
    'already-exists': 'BlobAlreadyExists',
    'precondition-failed': 'ConditionNotMet TargetConditionNotMet',
    'invalid-config':
      'ContainerNotFound ContainerDisabled InvalidResourceName OutOfRangeInput AuthenticationFailedVersion AccountIsDisabled',
    unauthenticated: 'AuthenticationFailed InvalidAuthenticationInfo NoAuthenticationInformation',
    denied:
      'AuthorizationFailure AuthorizationPermissionMismatch AuthorizationResourceTypeMismatch AuthorizationServiceMismatch ' +
      'AuthorizationProtocolMismatch AuthorizationSourceIPMismatch InsufficientAccountPermissions PublicAccessNotPermitted ' +
      'LeaseIdMissing BlobImmutableDueToPolicy SnapshotsPresent',
    throttled: 'ServerBusy',
    transient: 'Md5Mismatch Crc64Mismatch InternalError OperationTimedOut ContainerBeingDeleted',
    quota: 'BlockCountExceedsLimit AccountLimitExceeded',
    unsupported:
      'RequestBodyTooLarge BlobTypeNotSupported InvalidBlobTier UnsupportedHeader FeatureVersionMismatch InvalidBlobType',
  };
  for (const [kind, codes] of Object.entries(rows)) {
    for (const code of codes.split(' ')) {
      // No status of its own stands for 418.
      for (const status of [400, 403, 404, 409, 412, 418, 503]) {
        assert.equal(told(status, code).kind, kind, `${status} ${code}`);
      }
    }
  }
});

test('a status without a known word has a kind', () => {
  const rows = {
    'invalid-config': [300, 301, 307, 399],
    unauthenticated: [401],
    denied: [403, 412],
    'not-found': [404],
    transient: [408, 409, 425, 500, 502, 504, 508, 599],
    unsupported: [411, 413, 501],
    throttled: [429, 503],
    quota: [507],
    internal: [400, 402, 405, 406, 410, 416, 418, 431],
  };
  for (const [kind, statuses] of Object.entries(rows)) {
    for (const status of statuses) {
      assert.equal(told(status, '').kind, kind, `${status}`);
      assert.equal(told(status, 'NobodyKnowsIt').kind, kind, `${status} with an unknown word`);
    }
  }
});

test('only the condition that was sent can fail', () => {
  const rows = [
    [409, 'BlobAlreadyExists', ABSENT, 'already-exists'],
    [412, 'ConditionNotMet', ABSENT, 'already-exists'],
    [412, 'TargetConditionNotMet', ABSENT, 'already-exists'],
    [412, '', ABSENT, 'already-exists'],
    [412, 'ConditionNotMet', MATCH, 'precondition-failed'],
    [412, 'TargetConditionNotMet', MATCH, 'precondition-failed'],
    [412, '', MATCH, 'precondition-failed'],
    [404, 'BlobNotFound', MATCH, 'precondition-failed'],
    [404, 'BlobNotFound', ABSENT, 'not-found'],
    [404, '', MATCH, 'not-found'],
    ...[ABSENT, MATCH, NONE].flatMap((condition) => [
      [404, 'ContainerNotFound', condition, 'invalid-config'],
      [412, 'LeaseIdMissing', condition, 'denied'],
      [412, 'LeaseIdMismatchWithBlobOperation', condition, 'denied'],
      [409, 'ContainerBeingDeleted', condition, 'transient'],
    ]),
    [412, '', NONE, 'denied'],
  ];
  for (const [status, code, condition, kind] of rows) {
    assert.equal(told(status, code, { condition }).kind, kind, `${status} ${code} ${condition.tag}`);
  }
});

test('only a service that broke down leaves the outcome of a change open', () => {
  for (const [status, code, outcome] of [
    [500, 'InternalError', 'unknown'],
    [500, 'OperationTimedOut', 'unknown'],
    [502, '', 'unknown'],
    [503, '', 'unknown'],
    [507, '', 'unknown'],
    [503, 'ServerBusy', 'no-effect'],
    [501, '', 'no-effect'],
    [429, '', 'no-effect'],
    [412, 'ConditionNotMet', 'no-effect'],
    [404, 'ContainerNotFound', 'no-effect'],
    [400, 'Md5Mismatch', 'no-effect'],
  ]) {
    assert.equal(told(status, code).outcome, outcome, `${status} ${code}`);
    assert.equal(told(status, code, { changes: false }).outcome, 'no-effect', `reading, ${status} ${code}`);
  }
});

test('the message names the deed, the word and what to look at', () => {
  for (const [status, code, word] of [
    [404, 'ContainerNotFound', 'cannot put a/b: the service answers 404 ContainerNotFound; look at SAS_ORIGIN'],
    [404, 'ContainerNotFound', 'SAS_CONTAINER'],
    [403, 'AuthenticationFailed', 'SAS_TOKEN and at the clock'],
    [403, '', 'the service answers 403; look at SAS_TOKEN and its permissions'],
    [500, 'InternalError', 'the service answers 500 InternalError'],
  ]) {
    const error = told(status, code);
    assert.ok(error.message.includes(word), error.message);
    assert.deepEqual([error.httpStatus, error.requestId], [status, 'R1']);
  }
});

test('the wish to wait is told in milliseconds, and a date is no such wish', () => {
  for (const [said, wait] of [
    ['3', 3000n],
    ['0', 0n],
    [undefined, undefined],
    ['-1', undefined],
    ['Sat, 21 Nov 2026 01:02:03 GMT', undefined],
    ['9'.repeat(30), undefined],
  ]) {
    assert.equal(told(503, 'ServerBusy', { headers: { 'retry-after': said } }).retryAfterMs, wait, said);
  }
});

test('what a service says in its headers stays within the bounds of the contract', () => {
  const long = told(418, 'C'.repeat(5000), { headers: { 'x-ms-request-id': 'R'.repeat(5000) } });
  assert.ok(long.message.length < 300 && long.requestId.length === 256, long.message);
  for (const odd of ['\u{fffd}'.repeat(200), 'two\nlines', '']) {
    const error = told(404, odd, { headers: { 'x-ms-request-id': odd } });
    assert.deepEqual([error.kind, error.requestId], ['not-found', undefined]);
    assert.equal(error.message, 'cannot put a/b: the service answers 404');
  }
});

test('a request without an answer has the kind of the word of wasi:http', () => {
  const rows = {
    'denied no-effect': 'HTTP-request-denied destination-IP-prohibited destination-IP-unroutable',
    'invalid-config no-effect': 'TLS-certificate-error TLS-protocol-error TLS-alert-received HTTP-request-URI-invalid',
    'transient no-effect':
      'DNS-error DNS-timeout destination-not-found destination-unavailable connection-refused connection-timeout ' +
      'connection-limit-reached',
    'transient unknown':
      'connection-terminated connection-read-timeout connection-write-timeout HTTP-request-length-required ' +
      'HTTP-request-body-size HTTP-request-method-invalid HTTP-request-URI-too-long HTTP-request-header-section-size ' +
      'HTTP-request-header-size HTTP-request-trailer-section-size HTTP-request-trailer-size HTTP-response-incomplete ' +
      'HTTP-response-header-section-size HTTP-response-header-size HTTP-response-body-size ' +
      'HTTP-response-trailer-section-size HTTP-response-trailer-size HTTP-response-transfer-coding ' +
      'HTTP-response-content-coding HTTP-response-timeout HTTP-upgrade-failed HTTP-protocol-error loop-detected ' +
      'configuration-error internal-error',
  };
  let count = 0;
  for (const [expected, tags] of Object.entries(rows)) {
    for (const tag of tags.split(' ')) {
      const change = unanswered({ doing: 'put a/b', changes: true }, { tag });
      assert.equal(`${change.kind} ${change.outcome}`, expected, tag);
      assert.ok(change.message.startsWith(`cannot put a/b: ${tag}`), change.message);
      const read = unanswered({ doing: 'get a/b' }, { tag });
      assert.deepEqual([read.kind, read.outcome], [change.kind, 'no-effect'], tag);
      count += 1;
    }
  }
  // As many as `error-code` of wasi:http 0.2 has.
  assert.equal(count, 39);
});

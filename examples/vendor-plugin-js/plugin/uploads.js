// Uploads in parts: blocks with names of their own, and an id that tells any instance all about them.

import { failure } from './failures.js';

// The number of the block that says that an upload was given up; parts begin at 1.
export const GIVEN_UP = 0;

const HEADERS = {
  'content-type': 'x-ms-blob-content-type',
  'storage-class': 'x-ms-access-tier',
  attempt: 'x-ms-meta-attempt',
  tag: 'x-ms-meta-tag',
};

// The headers of the attributes of a put.
export function properties(attributes) {
  return attributes.map(([name, value]) => {
    if (!Object.hasOwn(HEADERS, name)) {
      throw failure('unsupported', `attribute ${JSON.stringify(name.slice(0, 80))} is not supported by sas`);
    }
    return [HEADERS[name], value];
  });
}

// The headers of a condition.
export function conditions(condition) {
  switch (condition.tag) {
    case 'if-absent':
      return [['if-none-match', '*']];
    case 'if-match':
      return [['if-match', `"${condition.val}"`]];
    default:
      return [];
  }
}

// The id of a new upload.
export function start(condition, attributes) {
  const name = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0'));
  return JSON.stringify([name.join(''), condition, properties(attributes)]);
}

// What an id says; `undefined` for one that we did not write.
export function parse(id) {
  try {
    const [name, condition, headers] = JSON.parse(id);
    return /^[0-9a-f]{32}$/.test(name) ? { name, condition, headers } : undefined;
  } catch {
    return undefined;
  }
}

// The id of a block, of one length for all, as the service demands.
export function blockId(upload, number) {
  return btoa(`${upload.name}-${String(number).padStart(8, '0')}`);
}

// Whether a block is one of an upload.
export function isBlockOf(upload, id) {
  return atob(id).startsWith(`${upload.name}-`);
}

// The body that makes a blob of the blocks 1 to `count`.
export function blockList(upload, count) {
  const lines = Array.from({ length: count }, (_, at) => `<Uncommitted>${blockId(upload, at + 1)}</Uncommitted>`);
  return new TextEncoder().encode(`<?xml version="1.0" encoding="utf-8"?><BlockList>${lines.join('')}</BlockList>`);
}

// Reads the documents of the service. It writes them itself and in one form, so patterns are enough.

import { failure } from './failures.js';
import { isKey } from './config.js';

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function field(text, name) {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text);
  return found?.[1].replace(/&(amp|lt|gt|quot|apos);/g, (_, entity) => ENTITIES[entity]);
}

function* elements(text, name) {
  for (const found of text.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))) {
    yield found[1];
  }
}

function size(text) {
  if (!/^\d{1,18}$/.test(text ?? '')) {
    throw failure('internal', 'the service tells no length');
  }
  return BigInt(text);
}

export function meta(key, length, etag, modified) {
  const time = Date.parse(modified ?? '');
  return {
    key,
    size: length,
    etag: etag?.replace(/^"|"$/g, ''),
    modifiedMs: time >= 0 ? BigInt(time) : undefined,
  };
}

// A page of the blobs of a container, without the prefix of the location.
export function page(text, prefix) {
  if (!text.includes('<EnumerationResults')) {
    throw failure('internal', 'the service answers no listing');
  }
  const objects = [];
  for (const blob of elements(text, 'Blob')) {
    const name = field(blob, 'Name') ?? '';
    const key = name.slice(prefix.length);
    // What others have put there is not ours.
    if (name.startsWith(prefix) && isKey(key)) {
      objects.push(meta(key, size(field(blob, 'Content-Length')), field(blob, 'Etag'), field(blob, 'Last-Modified')));
    }
  }
  const prefixes = [];
  for (const folded of elements(text, 'BlobPrefix')) {
    const name = field(folded, 'Name') ?? '';
    const key = name.slice(prefix.length);
    if (name.startsWith(prefix) && isKey(key.slice(0, -1))) {
      prefixes.push(key);
    }
  }
  return { objects, prefixes, next: field(text, 'NextMarker') || undefined };
}

// Lengths of the blocks that are part of no blob yet, by their ids.
export function blocks(text) {
  const found = new Map();
  for (const block of elements(text, 'Block')) {
    found.set(field(block, 'Name'), size(field(block, 'Size')));
  }
  return found;
}

// Length, etag and time from the headers of an answer.
export function described(key, response) {
  return meta(key, size(response.header('content-length')), response.header('etag'), response.header('last-modified'));
}

// Length of the whole blob, from the answer to a request for a range.
export function whole(response) {
  const range = /^bytes \d+-\d+\/(\d+)$/.exec(response.header('content-range') ?? '');
  return range ? size(range[1]) : undefined;
}

export { size };

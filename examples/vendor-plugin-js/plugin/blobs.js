// The operations of the contract, each one request or a few.
//
// A blob or sink that was lent for a call is used at least once in it, even where the call fails: the binding would
// otherwise drop it a second time when the collector finds it.

import { failure, isKind, refused } from './failures.js';
import { send, using } from './http.js';
import { blocks, described, meta, page, size as parseSize, whole } from './replies.js';
import { GIVEN_UP, blockId, blockList, conditions, isBlockOf, parse, properties, start } from './uploads.js';

// The version of the protocol, which all accounts have known since 2021.
const VERSION = '2021-08-06';
const MAX_PUT = 5000n << 20n;
const MAX_BLOCK = 4000n << 20n;
const MAX_BLOCKS = 50_000;
const PAGE = 5000;
const DELETE_BATCH = 16;
// A list of fifty thousand blocks is below six megabytes.
const MAX_DOCUMENT = 8 << 20;
const MAX_OFFSET = 1n << 62n;

const NONE = { tag: 'none' };

export class Blobs {
  #config;

  constructor(config) {
    this.#config = config;
  }

  capabilities() {
    return {
      maxPut: MAX_PUT,
      maxObject: MAX_BLOCK * BigInt(MAX_BLOCKS),
      parts: { order: 'any-order', minSize: 1n, maxSize: MAX_BLOCK, multipleOf: 1n, maxCount: MAX_BLOCKS },
      preconditions: { ifAbsent: true, ifMatch: true },
      digests: { md5: true },
      deleteBatch: DELETE_BATCH,
      inFlight: 4,
    };
  }

  put(key, body, condition, attributes) {
    const size = body.size();
    const headers = [...properties(attributes), ...conditions(condition), ['x-ms-blob-type', 'BlockBlob'], md5(body)];
    const asked = { doing: `put ${key}`, changes: true, condition };
    return this.#ask({ method: 'put', key, headers, body }, asked, (response) =>
      meta(key, size, response.header('etag'), response.header('last-modified')));
  }

  get(key, offset, len, to) {
    return using(to.stream(), (out) => {
      const asked = { doing: `get ${key}` };
      if (len === 0n || offset >= MAX_OFFSET) {
        this.head(key);
        return 0n;
      }
      const last = len === undefined || len > MAX_OFFSET ? '' : offset + len - 1n;
      const headers = offset === 0n && last === '' ? [] : [['x-ms-range', `bytes=${offset}-${last}`]];
      try {
        return this.#ask({ method: 'get', key, headers }, asked, (response) => {
          const length = parseSize(response.header('content-length'));
          // A service that ignores the range would send other bytes than were asked for. Some leave it out for what is empty.
          if (whole(response) === undefined && (offset > 0n || length > (len ?? length))) {
            throw failure('unsupported', `cannot ${asked.doing}: the service does not know ranges`);
          }
          return response.pour(out, length);
        });
      } catch (caught) {
        if (caught?.httpStatus === 416) {
          return 0n;
        }
        throw caught;
      }
    });
  }

  head(key) {
    return this.#ask({ method: 'head', key }, { doing: `look at ${key}` }, (response) => described(key, response));
  }

  list(prefix, delimiter, token, limit) {
    if (delimiter !== undefined && delimiter !== '/') {
      throw failure('unsupported', `cannot list with delimiter ${JSON.stringify(delimiter)}`);
    }
    const full = this.#config.prefix + prefix;
    const maxresults = Math.min(Math.max(limit, 1), PAGE);
    const query = { restype: 'container', comp: 'list', maxresults, prefix: full, delimiter, marker: token };
    return this.#ask({ method: 'get', query }, { doing: `list ${full}` }, (response) =>
      page(response.text(MAX_DOCUMENT), this.#config.prefix));
  }

  delete(keys) {
    const left = [];
    for (const key of keys) {
      try {
        const headers = [['x-ms-delete-snapshots', 'include']];
        this.#ask({ method: 'delete', key, headers }, { doing: `delete ${key}`, changes: true }, () => undefined);
      } catch (caught) {
        if (caught instanceof Error) {
          throw caught;
        }
        if (!isKind(caught, 'not-found')) {
          left.push([key, caught]);
        }
      }
    }
    return left;
  }

  // The service learns of it with the first block.
  start(condition, attributes) {
    return start(condition, attributes);
  }

  putPart(key, id, number, body) {
    const size = body.size();
    this.#putBlock(key, this.#known(key, id), number, body, md5(body));
    return String(size);
  }

  finish(key, id, tags) {
    const upload = this.#known(key, id);
    if (tags.length === 0 || tags.some(([number], at) => number !== at + 1)) {
      throw failure('internal', `cannot finish ${key}: its parts have a gap`);
    }
    const there = this.#uncommitted(key);
    let length = 0n;
    let isWhole = !there.has(blockId(upload, GIVEN_UP));
    for (const [number, tag] of tags) {
      const size = parseSize(tag);
      isWhole &&= there.get(blockId(upload, number)) === size;
      length += size;
    }
    if (!isWhole) {
      throw this.#gone(key, upload);
    }
    const request = {
      method: 'put',
      key,
      query: { comp: 'blocklist' },
      headers: [...upload.headers, ...conditions(upload.condition), ['content-type', 'application/xml']],
      body: blockList(upload, tags.length),
    };
    try {
      const asked = { doing: `finish ${key}`, changes: true, condition: upload.condition };
      return this.#ask(request, asked, (response) =>
        meta(key, length, response.header('etag'), response.header('last-modified')));
    } catch (caught) {
      throw isKind(caught, 'not-found') ? this.#gone(key, upload) : caught;
    }
  }

  // The service has no such request; it removes blocks that are part of no blob after a week. A further block tells a
  // later finish that the upload was given up.
  abort(key, id) {
    const upload = parse(id);
    if (upload !== undefined && [...this.#uncommitted(key).keys()].some((block) => isBlockOf(upload, block))) {
      this.#putBlock(key, upload, GIVEN_UP, new TextEncoder().encode('-'));
    }
  }

  #putBlock(key, upload, number, body, ...headers) {
    const query = { comp: 'block', blockid: blockId(upload, number) };
    const asked = { doing: `put part ${number} of ${key}`, changes: true };
    this.#ask({ method: 'put', key, query, headers, body }, asked, () => undefined);
  }

  #uncommitted(key) {
    try {
      const query = { comp: 'blocklist', blocklisttype: 'uncommitted' };
      return this.#ask({ method: 'get', key, query }, { doing: `list the parts of ${key}` }, (response) =>
        blocks(response.text(MAX_DOCUMENT)));
    } catch (caught) {
      if (isKind(caught, 'not-found')) {
        return new Map();
      }
      throw caught;
    }
  }

  #known(key, id) {
    const upload = parse(id);
    if (upload === undefined) {
      throw failure('not-found', `the upload of ${key} does not exist`);
    }
    return upload;
  }

  // Why the blocks of an upload are not there: whoever made the blob took those of all others away.
  #gone(key, upload) {
    if (upload.condition.tag === 'if-absent') {
      try {
        this.head(key);
        return failure('already-exists', `${key} exists`);
      } catch (caught) {
        if (!isKind(caught, 'not-found')) {
          return caught;
        }
      }
    }
    return failure('not-found', `the upload of ${key} does not exist any more`);
  }

  // Sends a request about a blob, or about the container, and hands a success to `use`.
  #ask({ method, key, query = {}, headers = [], body }, asked, use) {
    const config = this.#config;
    const blob = key === undefined ? '' : `/${(config.prefix + key).split('/').map(encodeURIComponent).join('/')}`;
    const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
    const shown = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}&`).join('');
    const request = {
      method,
      path: `${config.path}${blob}?${shown}${config.token}`,
      headers: [['x-ms-version', VERSION], ...headers],
      body,
    };
    return send(config, request, { condition: NONE, ...asked }, (response) => {
      if (response.status < 200 || response.status > 299) {
        throw refused({ condition: NONE, ...asked }, response);
      }
      return use(response);
    });
  }
}

// The header with the digest of a blob, so that the service notices what is damaged on the way.
function md5(body) {
  const digest = body.digests().md5;
  if (digest === undefined) {
    throw failure('internal', 'the host gave no MD5 with a blob');
  }
  return ['content-md5', btoa(String.fromCharCode(...digest))];
}

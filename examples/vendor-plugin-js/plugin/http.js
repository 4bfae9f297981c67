// Sends one request over wasi:http. Bodies are spliced from stream to stream inside the host and never become JavaScript.
//
// Every resource is disposed of by hand and before what it came from: the collector of the language comes too late for a
// host that counts them, and a parent that goes first ends the instance.

import { Fields, IncomingBody, OutgoingBody, OutgoingRequest } from 'wasi:http/types@0.2.0';
import { handle } from 'wasi:http/outgoing-handler@0.2.0';
import { failure, unanswered } from './failures.js';

// Bytes of one step at most; the host moves as many as suits it.
const STEP = 1n << 20n;
// `blocking-write-and-flush` takes no more; one byte beyond it ends the instance.
const WRITE = 4096;

const DISPOSE = Symbol.dispose ?? Symbol.for('dispose');
const encoder = new TextEncoder();
const decoder = new TextDecoder();

// Uses a resource and disposes of it.
export function using(resource, use) {
  try {
    return use(resource);
  } finally {
    resource[DISPOSE]();
  }
}

// Whether an import threw it. It may hold a resource, which nobody looks at.
function isOfHost(caught) {
  if (caught?.payload === undefined) {
    return false;
  }
  caught.payload.val?.[DISPOSE]?.();
  return true;
}

// Sends a request and hands its answer to `use`. `body` is `undefined`, bytes, or a blob of the host.
export function send(config, { method, path, headers, body }, asked, use) {
  const size = body === undefined ? 0n : body instanceof Uint8Array ? BigInt(body.length) : body.size();
  const sent = body === undefined ? headers : [...headers, ['content-length', String(size)]];
  const request = new OutgoingRequest(Fields.fromList(sent.map(([name, value]) => [name, encoder.encode(value)])));
  request.setMethod({ tag: method });
  request.setScheme({ tag: config.scheme.toUpperCase() });
  request.setAuthority(config.authority);
  request.setPathWithQuery(path);
  const outgoing = request.body();
  let future;
  try {
    future = handle(request, undefined);
  } catch (caught) {
    outgoing[DISPOSE]();
    throw unanswered(asked, caught.payload ?? { tag: String(caught) });
  }
  return using(future, () => {
    upload(outgoing, body, size);
    using(future.subscribe(), (ready) => ready.block());
    const answer = future.get()?.val?.val ?? {};
    if (answer.status === undefined) {
      throw unanswered(asked, answer.tag === undefined ? { tag: 'no answer' } : answer);
    }
    return using(answer, (response) => use(new Response(response, asked)));
  });
}

// Whatever breaks here, the answer tells why.
function upload(outgoing, body, size) {
  let whole = false;
  try {
    using(outgoing.write(), (out) => {
      if (body instanceof Uint8Array) {
        for (let at = 0; at < body.length; at += WRITE) {
          out.blockingWriteAndFlush(body.subarray(at, at + WRITE));
        }
      } else if (size > 0n) {
        using(body.stream(0n, size), (source) => splice(out, source, size));
      }
    });
    whole = true;
  } catch (caught) {
    if (!isOfHost(caught)) {
      throw caught;
    }
  }
  if (!whole) {
    outgoing[DISPOSE]();
    return;
  }
  try {
    OutgoingBody.finish(outgoing, undefined);
  } catch (caught) {
    if (!isOfHost(caught)) {
      throw caught;
    }
  }
}

// Moves `length` bytes, or fewer if the source ends, and answers how many.
function splice(out, source, length) {
  let left = length;
  while (left > 0n) {
    try {
      left -= out.blockingSplice(source, left < STEP ? left : STEP);
    } catch (caught) {
      if (caught?.payload?.tag === 'closed') {
        break;
      }
      throw caught;
    }
  }
  return length - left;
}

// An answer whose body has not been read yet.
class Response {
  #response;
  #asked;

  constructor(response, asked) {
    this.#response = response;
    this.#asked = asked;
    this.status = response.status();
  }

  header(name) {
    const values = using(this.#response.headers(), (fields) => fields.get(name));
    return values.length === 0 ? undefined : decoder.decode(values[0]);
  }

  // The whole body as text, at most `limit` bytes.
  text(limit) {
    const pieces = [];
    let length = 0;
    this.#read((stream) => {
      for (;;) {
        let piece;
        try {
          piece = stream.blockingRead(STEP);
        } catch (caught) {
          if (caught?.payload?.tag === 'closed') {
            return;
          }
          throw this.#broken(caught);
        }
        length += piece.length;
        if (length > limit) {
          throw failure('internal', `cannot ${this.#asked.doing}: the answer has more than ${limit} bytes`);
        }
        pieces.push(piece);
      }
    });
    const whole = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return decoder.decode(whole);
  }

  // Pours exactly `length` bytes of the body into a stream of the host.
  pour(out, length) {
    const moved = this.#read((stream) => {
      try {
        return splice(out, stream, length);
      } catch (caught) {
        throw this.#broken(caught);
      }
    });
    if (moved < length) {
      throw failure('transient', `cannot ${this.#asked.doing}: ${moved} of ${length} bytes came`);
    }
    return moved;
  }

  #read(use) {
    return using(this.#response.consume(), (body) => using(body.stream(), use));
  }

  #broken(caught) {
    if (!isOfHost(caught)) {
      return caught;
    }
    return failure('transient', `cannot ${this.#asked.doing}: the connection broke`);
  }
}

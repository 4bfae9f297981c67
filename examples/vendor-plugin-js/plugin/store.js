// The interface `store`: what the host asks before it opens a location, and the resource `handle`.

import { configure, describe, needs } from './config.js';
import { Blobs } from './blobs.js';

// One location. A method ends with its answer, or throws what `failure` makes; any `Error` ends the instance.
class Handle {
  #config;
  #blobs;

  constructor(config) {
    this.#config = config;
    this.#blobs = new Blobs(config);
  }

  static open(settings, location) {
    return new Handle(configure(settings, location));
  }

  home() {
    return this.#config.home;
  }

  capabilities() {
    return this.#blobs.capabilities();
  }

  put(key, body, condition, attributes) {
    return this.#blobs.put(key, body, condition, attributes);
  }

  get(key, offset, len, to) {
    return this.#blobs.get(key, offset, len, to);
  }

  head(key) {
    return this.#blobs.head(key);
  }

  list(prefix, delimiter, token, limit) {
    return this.#blobs.list(prefix, delimiter, token, limit);
  }

  delete(keys) {
    return this.#blobs.delete(keys);
  }

  multipartStart(key, partSize, total, condition, attributes) {
    return this.#blobs.start(condition, attributes);
  }

  multipartPut(key, id, number, body) {
    return this.#blobs.putPart(key, id, number, body);
  }

  multipartFinish(key, id, tags) {
    return this.#blobs.finish(key, id, tags);
  }

  multipartAbort(key, id) {
    this.#blobs.abort(key, id);
  }
}

export const store = {
  Handle,
  describe,
  needs: (settings, location) => needs(configure(settings, location)),
};

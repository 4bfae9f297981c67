// The settings of this transport, and what follows from them.

import { failure } from './failures.js';

const setting = (name, kind, required, doc) => ({ name, kind, required, doc });

const SETTINGS = [
  setting('SAS_ORIGIN', 'origin', true, 'Where the service listens: `https://ACCOUNT.blob.core.windows.net`.'),
  setting('SAS_ACCOUNT', 'text', false, 'The account, for services that want it in the path, as emulators do.'),
  setting('SAS_CONTAINER', 'text', true, 'The container that holds the backups.'),
  setting('SAS_PATH', 'text', false, 'Prefix of all blobs, without `/` at its ends.'),
  setting('SAS_TOKEN', 'secret', true, 'Shared access signature that allows to read, write, delete and list: `sv=...&sig=...`.'),
];

const SEGMENT = /^(?!\.{1,2}$)[0-9A-Za-z._=-]+$/;
const MAX_PREFIX = 512;

export function describe() {
  return { name: 'sas', version: '0.1.0', settings: SETTINGS };
}

// Reads the settings. Does nothing else, so that `needs` may call it.
export function configure(settings, location) {
  const given = new Map(settings);
  const value = (name) => given.get(name) ?? '';
  const wrong = (name, expected) => failure('invalid-config', `${name} must be ${expected}`);

  const origin = /^(https?):\/\/([^/?#@]+)$/.exec(value('SAS_ORIGIN'));
  if (!origin) {
    throw wrong('SAS_ORIGIN', '`https://host` or `http://host`, with `:port` if need be');
  }
  const account = value('SAS_ACCOUNT');
  if (!/^[0-9a-z]{0,24}$/.test(account)) {
    throw wrong('SAS_ACCOUNT', 'lower-case letters and digits');
  }
  const container = location.bucket ?? value('SAS_CONTAINER');
  if (!/^[0-9a-z$][0-9a-z-]{2,62}$/.test(container)) {
    throw wrong(location.bucket === undefined ? 'SAS_CONTAINER' : 'the bucket', 'the name of a container');
  }
  const prefix = location.path ?? value('SAS_PATH');
  if (prefix.length > MAX_PREFIX || (prefix !== '' && !prefix.split('/').every((name) => SEGMENT.test(name)))) {
    throw wrong(location.path === undefined ? 'SAS_PATH' : 'the path', 'names of `0-9A-Za-z._=-` joined by `/`');
  }
  const token = value('SAS_TOKEN').replace(/^\?/, '');
  if (!/(^|&)sig=/.test(token) || /[^\x21-\x7e]|#/.test(token)) {
    // It is a secret, so it is not shown.
    throw wrong('SAS_TOKEN', 'the query of a shared access signature, with a `sig`');
  }
  const path = ['', account, container].filter((name, at) => at === 0 || name !== '').join('/');
  return {
    scheme: origin[1],
    authority: origin[2],
    path,
    container,
    prefix: prefix === '' ? '' : `${prefix}/`,
    token,
    home: `${origin[0]}${path}${prefix === '' ? '' : `/${prefix}`}`,
  };
}

// Exactly that origin.
export function needs(config) {
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(config.authority) ?? [];
  if (host === undefined) {
    throw failure('invalid-config', 'SAS_ORIGIN must name a host');
  }
  const standard = config.scheme === 'https' ? 443 : 80;
  const origin = {
    scheme: config.scheme,
    host: host.replace(/^\[|\]$/g, ''),
    port: port === undefined ? standard : Number(port),
    purpose: 'holds the backups',
  };
  return { origins: [origin], files: [], folders: [] };
}

// Whether a name can be a key. Blobs with other names are not ours.
export function isKey(name) {
  return name.length <= 1024 && name.split('/').every((part) => SEGMENT.test(part));
}

/** What the scenarios share: how they connect, what they store, how they read it all back and what they say. */

import assert from 'node:assert/strict';
import weaviate, { configure } from 'weaviate-client';

const [rest, grpc, backend] = process.argv.slice(2);

/** The backend under test. */
export const BACKEND = backend;

/** Where the server says that its backups go, without the id. */
export const HOME = process.env.BACKUP_HOME;

/** A client that is connected, with all checks that it makes at the start. */
export function connect(options = {}) {
  const { hostname, port } = new URL(rest);
  return weaviate.connectToLocal({ host: hostname, port: Number(port), grpcPort: Number(grpc.split(':').pop()), ...options });
}

/** Says what has been shown. */
export const step = (text) => console.log(`ok: ${text}`);

/** Expects an error of this class, which the client does not export, whose text contains all of these. */
export async function refused(promise, kind, ...texts) {
  let done;
  try {
    done = await promise;
  } catch (error) {
    assert.equal(error.name, kind, error.message);
    for (const text of texts) {
      assert.ok(error.message.includes(text), `"${text}" is not in: ${error.message}`);
    }
    return;
  }
  assert.fail(`it was not refused: ${JSON.stringify(done)}`);
}

/** The id of an object. */
export const identity = (number) => `00000000-0000-0000-0000-${String(number).padStart(12, '0')}`;

/** A vector of numbers that 32 bits hold exactly. */
export const vector = (number) => [number / 4, -1, 0.125];

/** The properties of an article, each different from the next. */
export const article = (number) => ({
  title: `Layer ${number} \u2013 \u5730\u5c64`,
  words: number * 1000,
  score: number + 0.25,
  draft: number % 2 === 0,
  published: new Date(Date.UTC(2024, 1, 29 + number, 12, 30)),
  origin: identity(500 + number),
  tags: ['rock', `tag ${number}`],
  source: { name: `quarry ${number}`, year: 1900 + number },
});

const ARTICLE = [
  { name: 'title', dataType: configure.dataType.TEXT },
  { name: 'words', dataType: configure.dataType.INT },
  { name: 'score', dataType: configure.dataType.NUMBER },
  { name: 'draft', dataType: configure.dataType.BOOLEAN },
  { name: 'published', dataType: configure.dataType.DATE },
  { name: 'origin', dataType: configure.dataType.UUID },
  { name: 'tags', dataType: configure.dataType.TEXT_ARRAY },
  {
    name: 'source',
    dataType: configure.dataType.OBJECT,
    nestedProperties: [
      { name: 'name', dataType: configure.dataType.TEXT },
      { name: 'year', dataType: configure.dataType.INT },
    ],
  },
];

/** A collection with articles in it. */
export async function createArticles(client, count = 25, name = 'Article') {
  const articles = await client.collections.create({
    name,
    properties: ARTICLE,
    vectorizers: configure.vectors.selfProvided(),
  });
  const numbers = [...Array(count).keys()];
  const result = await articles.data.insertMany(
    numbers.map((n) => ({ id: identity(n), properties: article(n), vectors: vector(n) })),
  );
  assert.equal(result.hasErrors, false, JSON.stringify(result.errors));
  assert.equal(await articles.length(), count);
  return articles;
}

/** All objects of a collection, by id. */
export async function everything(collection) {
  const objects = {};
  const options = { includeVector: true, returnMetadata: ['creationTime', 'updateTime'] };
  for await (const { uuid, properties, vectors, metadata } of collection.iterator(options)) {
    objects[uuid] = { properties, vectors, metadata };
  }
  assert.equal(Object.keys(objects).length, await collection.length());
  return objects;
}

/** Asks for a status until it is terminal. */
export async function ended(look, backupId, limit = 60_000) {
  for (const begun = Date.now(); ; ) {
    const status = await look({ backupId, backend: BACKEND });
    if (['SUCCESS', 'FAILED', 'CANCELED'].includes(status.status)) return status;
    assert.ok(Date.now() - begun < limit, JSON.stringify(status));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

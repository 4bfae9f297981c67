/** What the scenarios share: how they connect, what they store, how they read it all back and what they say. */

import assert from 'node:assert/strict';
import weaviate from 'weaviate-ts-client';

const [rest, , backend] = process.argv.slice(2);

/** The backend under test. */
export const BACKEND = backend;

/** Where the server says that its backups go, without the id. */
export const HOME = process.env.BACKUP_HOME;

/** A client. */
export const connect = (options = {}) => weaviate.client({ scheme: 'http', host: new URL(rest).host, ...options });

/** Says what has been shown. */
export const step = (text) => console.log(`ok: ${text}`);

/** Expects an error whose text contains all of these. */
export async function refused(promise, ...texts) {
  let done;
  try {
    done = await promise;
  } catch (error) {
    for (const text of texts) {
      assert.ok(String(error).includes(text), `"${text}" is not in: ${error}`);
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
  published: `2024-02-${String(number + 1).padStart(2, '0')}T12:30:00Z`,
  tags: ['rock', `tag ${number}`],
});

const AUTHOR = { class: 'Author', properties: [{ name: 'name', dataType: ['text'] }] };
const ARTICLE = {
  class: 'Article',
  vectorizer: 'none',
  properties: [
    { name: 'title', dataType: ['text'] },
    { name: 'words', dataType: ['int'] },
    { name: 'score', dataType: ['number'] },
    { name: 'draft', dataType: ['boolean'] },
    { name: 'published', dataType: ['date'] },
    { name: 'tags', dataType: ['text[]'] },
    { name: 'writtenBy', dataType: ['Author'] },
  ],
};

/** Two classes, with references from one to the other. */
export async function createLibrary(client, count = 25) {
  for (const definition of [AUTHOR, ARTICLE]) {
    await client.schema.classCreator().withClass(definition).do();
  }
  let objects = client.batch.objectsBatcher();
  for (let n = 0; n < 3; n++) {
    objects = objects.withObject({ class: 'Author', id: identity(100 + n), properties: { name: `Author ${n}` } });
  }
  for (let n = 0; n < count; n++) {
    objects = objects.withObject({ class: 'Article', id: identity(n), properties: article(n), vector: vector(n) });
  }
  for (const { result } of await objects.do()) assert.equal(result.status, 'SUCCESS', JSON.stringify(result));
  let references = client.batch.referencesBatcher();
  for (let n = 0; n < count; n++) {
    const payload = client.batch.referencePayloadBuilder().withFromClassName('Article').withFromId(identity(n));
    references = references.withReference(
      payload.withFromRefProp('writtenBy').withToClassName('Author').withToId(identity(100 + (n % 3))).payload(),
    );
  }
  for (const { result } of await references.do()) assert.equal(result.status, 'SUCCESS', JSON.stringify(result));
}

/** All objects of a class, by id. */
export async function everything(client, name, tenant) {
  const all = {};
  for (let after = ''; ; ) {
    let getter = client.data.getter().withClassName(name).withVector().withLimit(10);
    if (tenant) getter = getter.withTenant(tenant);
    if (after) getter = getter.withAfter(after);
    const { objects } = await getter.do();
    if (!objects?.length) return all;
    for (const object of objects) all[object.id] = object;
    after = objects.at(-1).id;
  }
}

/** Asks for a status until it is terminal. */
export async function ended(getter, backupId) {
  for (const begun = Date.now(); ; ) {
    const status = await getter.withBackend(BACKEND).withBackupId(backupId).do();
    if (['SUCCESS', 'FAILED', 'CANCELED'].includes(status.status)) return status;
    assert.ok(Date.now() - begun < 60_000, JSON.stringify(status));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ordinary use of the database around backups: imports of every kind, changes, pages, and what the server says of itself. */

import assert from 'node:assert/strict';
import { configure } from 'weaviate-client';
import { article, BACKEND, connect, createArticles, everything, identity, refused, step, vector } from './support.mjs';

const wait = { backend: BACKEND, waitForCompletion: true };
const client = await connect();
assert.ok(`backup-${BACKEND}` in (await client.getMeta()).modules);
const articles = await createArticles(client, 30);
const numbers = (from, to) => [...Array(to - from).keys()].map((n) => n + from);
const made = await articles.data.ingest(
  numbers(30, 60).map((n) => ({ id: identity(n), properties: article(n), vectors: vector(n) })),
);
assert.equal(made.hasErrors, false, JSON.stringify(made.errors));
const batching = await client.batch.stream();
for (const n of numbers(60, 90)) {
  await batching.addObject({ collection: 'Article', id: identity(n), properties: article(n), vectors: vector(n) });
}
await batching.stop();
assert.equal(batching.hasErrors(), false, JSON.stringify(batching.objErrors()));
assert.equal(await articles.length(), 90);
const [node] = await client.cluster.nodes({ output: 'verbose' });
assert.deepEqual([node.status, node.shards.map((s) => `${s.class} ${s.objectCount}`)], ['HEALTHY', ['Article 90']]);
const { properties, vectors } = (await everything(articles))[identity(61)];
assert.deepEqual({ properties, vectors }, { properties: article(61), vectors: { default: vector(61) } });
step('objects are imported at once and in streams');

await articles.config.addProperty({ name: 'subtitle', dataType: configure.dataType.TEXT });
await articles.config.addReference({ name: 'follows', targetCollection: 'Article' });
const config = await articles.config.get();
assert.ok(config.properties.some(({ name }) => name === 'subtitle'));
assert.deepEqual(config.references.map(({ name, targetCollections }) => [name, targetCollections]), [['follows', ['Article']]]);
const many = await articles.data.referenceAddMany(
  numbers(1, 20).map((n) => ({ fromUuid: identity(n), fromProperty: 'follows', to: identity(n - 1) })),
);
assert.equal(many.hasErrors, false, JSON.stringify(many.errors));
step('the definition grows while objects are there');

await articles.data.replace({ id: identity(1), properties: { title: 'Alone' }, vectors: vector(7) });
await articles.data.update({ id: identity(2), properties: { subtitle: 'Second' } });
assert.deepEqual([await articles.data.exists(identity(2)), await articles.data.exists(identity(777))], [true, false]);
const gone = await articles.data.deleteMany(articles.filter.byId().containsAny([identity(4), identity(5)]));
assert.deepEqual([gone.matches, gone.successful, gone.failed], [2, 2, 0]);
const replaced = await articles.query.fetchObjectById(identity(1), { includeVector: true });
assert.deepEqual([replaced.properties.title, replaced.properties.words ?? null], ['Alone', null]);
assert.deepEqual(replaced.vectors, { default: vector(7) });
await refused(
  articles.data.insert({ id: identity(2), properties: article(2) }),
  'WeaviateUnexpectedStatusCodeError',
  '422',
);
step('objects are replaced, changed and deleted');

const pages = [];
for (const offset of [0, 40, 80]) pages.push((await articles.query.fetchObjects({ limit: 40, offset })).objects);
assert.deepEqual(pages.map(({ length }) => length), [40, 40, 8]);
const { objects } = await articles.query.fetchObjects({ limit: 40, after: pages[0].at(-1).uuid });
assert.deepEqual(objects.map(({ uuid }) => uuid), pages[1].map(({ uuid }) => uuid));
const found = await articles.query.fetchObjects({ filters: articles.filter.byId().equal(identity(9)) });
assert.deepEqual(found.objects.map(({ uuid }) => uuid), [identity(9)]);
await refused(articles.query.bm25('rock'), 'WeaviateQueryError', 'gRPC');
await refused(client.collections.use('Missing').query.fetchObjects(), 'WeaviateQueryError', 'Missing');
step('pages follow one another, and what cannot be done is said');

const before = await everything(articles);
await client.backup.create({ backupId: 'ordinary', includeCollections: ['Art*'], ...wait });
await client.collections.delete('Article');
await client.backup.restore({ backupId: 'ordinary', includeCollections: ['Art*'], ...wait });
assert.deepEqual(await everything(articles), before);
assert.deepEqual(await articles.config.get(), config);
step('all of it comes back');
await client.close();

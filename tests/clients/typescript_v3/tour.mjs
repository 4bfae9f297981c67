/** Back up, look, lose, restore and compare: as the documentation shows it. */

import assert from 'node:assert/strict';
import { configure } from 'weaviate-client';
import { article, BACKEND, connect, createArticles, ended, everything, HOME, identity, step, vector } from './support.mjs';

const client = await connect();
assert.ok((await client.isReady()) && (await client.isLive()));
const articles = await createArticles(client);
const authors = await client.collections.create({
  name: 'Author',
  properties: [{ name: 'name', dataType: configure.dataType.TEXT }],
});
await authors.data.insertMany([...Array(10).keys()].map((n) => ({ name: `Author ${n}` })));
const before = { Article: await everything(articles), Author: await everything(authors) };
const config = await articles.config.get();
assert.deepEqual(before.Article[identity(3)].properties, article(3));
assert.deepEqual(before.Article[identity(3)].vectors, { default: vector(3) });
step('two collections are filled');

let result = await client.backup.create({ backupId: 'tour-all', backend: BACKEND, waitForCompletion: true });
assert.deepEqual(result.collections.sort(), ['Article', 'Author']);
assert.deepEqual(
  [result.status, result.id, result.backend, result.path, result.error],
  ['SUCCESS', 'tour-all', BACKEND, `${HOME}/tour-all`, undefined],
);
step('a backup of everything is waited for');

result = await client.backup.create({ backupId: 'tour-articles', backend: BACKEND, includeCollections: ['Article'] });
assert.deepEqual([result.status, result.collections], ['STARTED', ['Article']]);
let status = await ended(client.backup.getCreateStatus, 'tour-articles');
assert.deepEqual([status.status, status.id, status.path], ['SUCCESS', 'tour-articles', `${HOME}/tour-articles`]);
step('a backup of one collection is polled until it has succeeded');

result = await client.backup.create({
  backupId: 'tour-authors',
  backend: BACKEND,
  excludeCollections: ['Article'],
  waitForCompletion: true,
});
assert.deepEqual(result.collections, ['Author']);
step('a backup leaves a collection out');

const listed = await client.backup.list(BACKEND);
assert.deepEqual(listed.map(({ id }) => id), ['tour-authors', 'tour-articles', 'tour-all']);
for (const backup of listed) {
  const [begun, completed] = [new Date(backup.startedAt), new Date(backup.completedAt)];
  assert.ok(backup.status === 'SUCCESS' && backup.size > 0, JSON.stringify(backup));
  assert.ok(begun <= completed && completed <= new Date(), JSON.stringify(backup));
}
assert.deepEqual(await client.backup.list(BACKEND, { startedAtAsc: true }), listed.reverse());
step('backups are listed, the newest or the oldest first');

await client.collections.delete('Article');
assert.equal(await client.collections.exists('Article'), false);
result = await client.backup.restore({
  backupId: 'tour-all',
  backend: BACKEND,
  includeCollections: ['Article'],
  waitForCompletion: true,
});
assert.deepEqual([result.status, result.collections, result.path], ['SUCCESS', ['Article'], `${HOME}/tour-all`]);
assert.deepEqual(await everything(articles), before.Article);
assert.deepEqual(await articles.config.get(), config);
step('one collection of a backup is restored with every object');

await client.collections.deleteAll();
assert.deepEqual(await client.collections.listAll(), []);
result = await client.backup.restore({ backupId: 'tour-all', backend: BACKEND, excludeCollections: ['Author'] });
assert.deepEqual([result.status, result.collections], ['STARTED', ['Article']]);
status = await ended(client.backup.getRestoreStatus, 'tour-all');
assert.deepEqual([status.status, status.path], ['SUCCESS', `${HOME}/tour-all`]);
await client.backup.restore({ backupId: 'tour-authors', backend: BACKEND, waitForCompletion: true });
assert.deepEqual({ Article: await everything(articles), Author: await everything(authors) }, before);
assert.deepEqual((await client.collections.listAll()).map(({ name }) => name).sort(), ['Article', 'Author']);
step('everything is as it was');

await articles.data.update({ id: identity(1), properties: { title: 'Sand' } });
const added = await articles.data.insert({ properties: article(99), vectors: vector(99) });
assert.equal(await articles.data.deleteById(identity(2)), true);
assert.equal((await articles.query.fetchObjectById(identity(1))).properties.title, 'Sand');
assert.deepEqual((await articles.query.fetchObjectById(added)).properties, article(99));
assert.equal(await articles.query.fetchObjectById(identity(2)), null);
assert.equal((await articles.aggregate.overAll()).totalCount, 25);
step('what was restored takes changes');
await client.close();

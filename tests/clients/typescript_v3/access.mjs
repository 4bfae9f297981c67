/** API keys: who may do what. */

import assert from 'node:assert/strict';
import weaviate from 'weaviate-client';
import { article, BACKEND, connect, createArticles, everything, HOME, refused, step } from './support.mjs';

const { ADMIN_KEY, READER_KEY } = process.env;
const as = (key) => connect({ authCredentials: new weaviate.ApiKey(key) });

await assert.rejects(connect(), /Unauthenticated|401|anonymous|API key/i);
await assert.rejects(as('guessed'), /Unauthenticated|401|API key/i);
step('without a key, or with a wrong one, nobody gets in');

const [admin, reader] = [await as(ADMIN_KEY), await as(READER_KEY)];
const articles = await createArticles(admin);
const before = await everything(articles);
assert.equal((await admin.users.getMyUser()).id, 'admin');
assert.deepEqual(await everything(reader.collections.use('Article')), before);
await refused(reader.collections.create({ name: 'Other' }), 'WeaviateInsufficientPermissionsError', 'Forbidden');
await refused(reader.collections.delete('Article'), 'WeaviateInsufficientPermissionsError', 'Forbidden');
const read = reader.collections.use('Article').data;
await refused(read.insert({ properties: article(50) }), 'WeaviateInsufficientPermissionsError', 'Forbidden');
await assert.rejects(read.insertMany([article(50)]));
assert.deepEqual(await everything(articles), before);
step('a reader reads, and writes nothing');

await refused(reader.backup.create({ backupId: 'mine', backend: BACKEND }), 'WeaviateBackupFailed', 'Forbidden');
await refused(reader.backup.restore({ backupId: 'mine', backend: BACKEND }), 'WeaviateBackupFailed', 'Forbidden');
assert.deepEqual(await reader.backup.list(BACKEND), []);
step('a reader may see backups, and make none');

const key = await admin.users.db.create('dora');
const dora = await as(key);
assert.equal((await dora.users.getMyUser()).id, 'dora');
const result = await dora.backup.create({ backupId: 'mine', backend: BACKEND, waitForCompletion: true });
assert.deepEqual([result.status, result.path], ['SUCCESS', `${HOME}/mine`]);
await dora.collections.delete('Article');
await dora.backup.restore({ backupId: 'mine', backend: BACKEND, waitForCompletion: true });
assert.deepEqual(await everything(articles), before);
assert.equal(await admin.users.db.delete('dora'), true);
await assert.rejects(dora.backup.list(BACKEND));
step('a user that was added makes a backup and restores it, and is gone when deleted');
await Promise.all([admin, reader, dora].map((client) => client.close()));

/** What a backup can be told, by the client or by one collection, and how it is given up. */

import assert from 'node:assert/strict';
import { BACKEND, connect, createArticles, ended, everything, HOME, refused, step } from './support.mjs';

const wait = { backend: BACKEND, waitForCompletion: true };
const client = await connect();
const articles = await createArticles(client);
const before = await everything(articles);

for (const compressionLevel of ['DefaultCompression', 'BestSpeed', 'BestCompression', 'ZstdDefaultCompression', 'ZstdBestSpeed', 'ZstdBestCompression', 'NoCompression']) {
  const backupId = `level-${compressionLevel.toLowerCase()}`;
  const config = { compressionLevel, cpuPercentage: 40, chunkSize: 8 };
  assert.equal((await client.backup.create({ backupId, config, ...wait })).status, 'SUCCESS');
  await client.collections.delete('Article');
  assert.equal((await client.backup.restore({ backupId, config: { cpuPercentage: 70 }, ...wait })).status, 'SUCCESS');
  assert.deepEqual(await everything(articles), before);
  step(`a backup with ${compressionLevel} is restored`);
}

await createArticles(client, 3, 'Other');
let result = await articles.backup.create({ backupId: 'one', ...wait });
assert.deepEqual([result.status, result.path, result.collections], ['SUCCESS', `${HOME}/one`, ['Article']]);
assert.equal((await articles.backup.getCreateStatus({ backupId: 'one', backend: BACKEND })).status, 'SUCCESS');
await client.collections.delete('Article');
result = await articles.backup.restore({ backupId: 'one', ...wait });
assert.deepEqual([result.status, result.collections], ['SUCCESS', ['Article']]);
assert.equal((await articles.backup.getRestoreStatus({ backupId: 'one', backend: BACKEND })).status, 'SUCCESS');
assert.deepEqual(await everything(articles), before);
step('a collection backs itself up and comes back');

const lost = refused(client.backup.create({ backupId: 'given-up', ...wait }), 'WeaviateBackupCanceled');
for (let seen = false; !seen; ) {
  const look = client.backup.getCreateStatus({ backupId: 'given-up', backend: BACKEND });
  seen = await look.then(() => true, () => false);
}
assert.equal(await client.backup.cancel({ backupId: 'given-up', backend: BACKEND }), true);
await lost;
const status = await ended(client.backup.getCreateStatus, 'given-up', 5_000);
assert.ok(status.status === 'CANCELED' && status.error, JSON.stringify(status));
assert.equal(await client.backup.cancel({ backupId: 'given-up', backend: BACKEND }), true);
assert.equal(await client.backup.cancel({ backupId: 'nobody', backend: BACKEND }), true);
await refused(client.backup.cancel({ backupId: 'one', backend: BACKEND }), 'WeaviateBackupCancellationError', '422', 'one');
step('a backup is cancelled, and who waits for it is told; one that has succeeded is not');

await client.collections.delete('Article');
await client.backup.restore({ backupId: 'one', backend: BACKEND });
assert.equal(await client.backup.cancel({ backupId: 'one', backend: BACKEND, operation: 'restore' }), true);
assert.equal((await ended(client.backup.getRestoreStatus, 'one', 5_000)).status, 'CANCELED');
assert.equal(await client.collections.exists('Article'), false);
await client.backup.restore({ backupId: 'one', ...wait });
assert.deepEqual(await everything(articles), before);
step('a restore is cancelled and brings nothing; the next one brings everything');
await client.close();

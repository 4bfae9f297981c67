/** What is refused, with the status and the words that callers look for. */

import assert from 'node:assert/strict';
import { BACKEND, connect, createArticles, ended, everything, refused, step } from './support.mjs';

const client = await connect();
const { create, restore, getCreateStatus, getRestoreStatus, cancel, list } = client.backup;
await refused(create({ backupId: 'nothing', backend: BACKEND }), 'WeaviateBackupFailed', '422');
const articles = await createArticles(client);
const before = await everything(articles);
assert.deepEqual(await list(BACKEND), []);
step('there is nothing to back up, and nothing to list');

const unknown = { backupId: 'x', backend: 'azure' };
await refused(create(unknown), 'WeaviateBackupFailed', '422', 'azure');
await refused(restore(unknown), 'WeaviateBackupFailed', '422', 'azure');
await refused(getCreateStatus(unknown), 'WeaviateUnexpectedStatusCodeError', '422', 'azure');
await refused(getRestoreStatus(unknown), 'WeaviateUnexpectedStatusCodeError', 'azure');
await refused(cancel(unknown), 'WeaviateBackupCancellationError', '422', 'azure');
await refused(list('azure'), 'WeaviateUnexpectedStatusCodeError', '422', 'azure');
step('a backend that is not enabled is named');

const here = { backupId: 'x', backend: BACKEND };
await refused(create({ ...here, includeCollections: ['Missing'] }), 'WeaviateBackupFailed', '422', 'Missing');
await refused(create({ ...here, backupId: 'Upper' }), 'WeaviateBackupFailed', '422', 'Upper');
const both = { includeCollections: ['Article'], excludeCollections: ['Other'] };
for (const call of [create, restore]) {
  await refused(call({ ...here, ...both, config: { cpuPercentage: 81 } }), 'WeaviateBackupFailed', '422', '608', 'CPUPercentage');
  await refused(call({ ...here, config: { cpuPercentage: -1 } }), 'WeaviateBackupFailed', '422', '609', 'CPUPercentage');
}
await refused(create({ ...here, ...both }), 'WeaviateBackupFailed', '422', 'include', 'exclude');
const level = { compressionLevel: 'Tiny' };
await refused(create({ ...here, config: level }), 'WeaviateBackupFailed', '422', '606', 'CompressionLevel');
await refused(create({ ...here, backupId: '' }), 'WeaviateBackupFailed', 'backupId');
await refused(cancel({ ...here, backupId: '' }), 'WeaviateInvalidInputError', 'backupId');
step('what cannot be is refused, the schema first');

const nobody = { backupId: 'nobody', backend: BACKEND };
await refused(getCreateStatus(nobody), 'WeaviateUnexpectedStatusCodeError', '404', 'nobody');
await refused(getRestoreStatus(nobody), 'WeaviateUnexpectedStatusCodeError', '404', 'nobody');
await refused(restore(nobody), 'WeaviateBackupFailed', '404', 'nobody');
step('unknown ids are not found');

const taken = { backupId: 'taken', backend: BACKEND };
await create(taken);
await refused(create({ ...here, backupId: 'second' }), 'WeaviateBackupFailed', '422', 'already in progress');
await ended(getCreateStatus, 'taken');
await refused(create(taken), 'WeaviateBackupFailed', '422', 'taken');
await refused(getRestoreStatus(taken), 'WeaviateUnexpectedStatusCodeError', '404', 'taken');
await refused(restore({ ...taken, includeCollections: ['Missing'] }), 'WeaviateBackupFailed', '422', 'Missing');
await refused(restore({ ...taken, waitForCompletion: true }), 'WeaviateBackupFailed', 'already exists', 'Article');
const failed = await getRestoreStatus(taken);
assert.ok(failed.status === 'FAILED' && failed.error.includes('already exists'), JSON.stringify(failed));
assert.deepEqual(await everything(articles), before);
step('an id is taken once, and a restore over a collection fails and changes nothing');
await client.close();

/** What is refused, with the status and the words that callers look for. */

import assert from 'node:assert/strict';
import { BACKEND, connect, createLibrary, everything, refused, step } from './support.mjs';

const client = connect();
const on = (builder, id, backend = BACKEND) => builder.withBackend(backend).withBackupId(id);
const { creator, restorer, createStatusGetter, restoreStatusGetter } = client.backup;

await refused(on(creator(), 'nothing').do(), '422');
await createLibrary(client, 5);
const before = await everything(client, 'Article');
for (const builder of [creator(), restorer(), createStatusGetter()]) {
  await refused(on(builder, 'x', 'azure').do(), '422', 'azure');
}
await refused(on(creator(), 'x').withIncludeClassNames('Missing').do(), '422', 'Missing');
await refused(on(creator(), 'Upper').do(), '422', 'Upper');
for (const builder of [creator(), restorer()]) {
  const all = on(builder, 'x').withIncludeClassNames('Article').withExcludeClassNames('Author');
  await refused(all.withConfig({ CPUPercentage: 90 }).do(), '422', '608', 'CPUPercentage');
}
await refused(on(creator(), 'x').withIncludeClassNames('Article').withExcludeClassNames('Author').do(), '422', 'include', 'exclude');
await refused(on(creator(), 'x').withConfig({ CompressionLevel: 'Tiny' }).do(), '422', '606', 'CompressionLevel');
for (const builder of [createStatusGetter(), restoreStatusGetter(), restorer()]) {
  await refused(on(builder, 'nobody').do(), '404', 'nobody');
}
step('what is unknown or cannot be is named');

await on(creator(), 'taken').withWaitForCompletion(true).do();
await refused(on(creator(), 'taken').do(), '422', 'taken');
await refused(on(restoreStatusGetter(), 'taken').do(), '404', 'taken');
const failed = await on(restorer(), 'taken').withWaitForCompletion(true).do();
assert.equal(failed.status, 'FAILED');
assert.match(failed.error, /already exists/);
assert.deepEqual(await everything(client, 'Article'), before);
step('an id is taken once, and a restore over a class fails and changes nothing');

/** Back up, look, lose, restore and compare: as the documentation shows it. */

import assert from 'node:assert/strict';
import { article, BACKEND, connect, createLibrary, ended, everything, HOME, identity, step, vector } from './support.mjs';

const client = connect();
assert.equal(await client.misc.readyChecker().do(), true);
assert.equal(await client.misc.liveChecker().do(), true);
await createLibrary(client);
const both = async () => ({ Article: await everything(client, 'Article'), Author: await everything(client, 'Author') });
const before = await both();
const schema = await client.schema.getter().do();
assert.deepEqual(Object.values(before).map((objects) => Object.keys(objects).length), [25, 3]);
assert.deepEqual(before.Article[identity(7)].vector, vector(7));
const { writtenBy, ...properties } = before.Article[identity(7)].properties;
assert.deepEqual([properties, writtenBy.length], [article(7), 1]);
step('two classes are filled');

const creator = (id) => client.backup.creator().withBackend(BACKEND).withBackupId(id);
const restorer = (id) => client.backup.restorer().withBackend(BACKEND).withBackupId(id);

let result = await creator('tour-all').withWaitForCompletion(true).do();
assert.deepEqual(
  [result.status, result.id, result.backend, result.path, result.classes.sort()],
  ['SUCCESS', 'tour-all', BACKEND, `${HOME}/tour-all`, ['Article', 'Author']],
);
step('a backup of everything is waited for');

result = await creator('tour-articles').withIncludeClassNames('Article').withConfig({ CPUPercentage: 40, ChunkSize: 8, CompressionLevel: 'BestSpeed' }).do();
assert.deepEqual([result.status, result.classes], ['STARTED', ['Article']]);
let status = await ended(client.backup.createStatusGetter(), 'tour-articles');
assert.deepEqual([status.status, status.id, status.path], ['SUCCESS', 'tour-articles', `${HOME}/tour-articles`]);
result = await creator('tour-authors').withExcludeClassNames('Article').withWaitForCompletion(true).do();
assert.deepEqual(result.classes, ['Author']);
step('backups of one class are made');

await client.schema.classDeleter().withClassName('Article').do();
result = await restorer('tour-all').withIncludeClassNames('Article').withConfig({ CPUPercentage: 70 }).withWaitForCompletion(true).do();
assert.deepEqual([result.status, result.classes, result.path], ['SUCCESS', ['Article'], `${HOME}/tour-all`]);
assert.deepEqual(await both(), before);
step('one class of a backup is restored with every object');

for (const { class: name } of (await client.schema.getter().do()).classes) {
  await client.schema.classDeleter().withClassName(name).do();
}
assert.deepEqual(await client.schema.getter().do(), { classes: [] });
result = await restorer('tour-all').do();
assert.equal(result.status, 'STARTED');
status = await ended(client.backup.restoreStatusGetter(), 'tour-all');
assert.deepEqual([status.status, status.path], ['SUCCESS', `${HOME}/tour-all`]);
assert.deepEqual(await both(), before);
assert.deepEqual(await client.schema.getter().do(), schema);
step('everything is as it was');

await client.data.merger().withClassName('Article').withId(identity(1)).withProperties({ title: 'Sand' }).do();
await client.data.deleter().withClassName('Article').withId(identity(2)).do();
await client.data.creator().withClassName('Article').withProperties(article(26)).withVector(vector(26)).do();
const changed = await client.data.getterById().withClassName('Article').withId(identity(1)).do();
assert.deepEqual([changed.properties.title, changed.properties.words], ['Sand', 1000]);
assert.equal(await client.data.checker().withClassName('Article').withId(identity(2)).do(), false);
assert.equal(Object.keys(await everything(client, 'Article')).length, 25);
step('what was restored takes changes');

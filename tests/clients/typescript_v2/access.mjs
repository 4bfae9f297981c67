/** API keys: who may do what. */

import assert from 'node:assert/strict';
import weaviate from 'weaviate-ts-client';
import { article, BACKEND, connect, createLibrary, everything, refused, step } from './support.mjs';

const { ADMIN_KEY, READER_KEY } = process.env;
const as = (key) => connect({ apiKey: new weaviate.ApiKey(key) });

await refused(connect().schema.getter().do(), '401');
await refused(as('guessed').schema.getter().do(), '401');
step('without a key, or with a wrong one, nobody gets in');

const [admin, reader] = [as(ADMIN_KEY), as(READER_KEY)];
await createLibrary(admin, 5);
const before = await everything(admin, 'Article');
assert.deepEqual(await everything(reader, 'Article'), before);
const { data } = await reader.graphql.aggregate().withClassName('Article').withFields('meta { count }').do();
assert.equal(data.Aggregate.Article[0].meta.count, 5);
await refused(reader.schema.classDeleter().withClassName('Article').do(), '403');
await refused(reader.data.creator().withClassName('Article').withProperties(article(7)).do(), '403');
for (const builder of [reader.backup.creator(), reader.backup.restorer()]) {
  await refused(builder.withBackend(BACKEND).withBackupId('mine').do(), '403');
}
step('a reader reads, and writes nothing');

await admin.backup.creator().withBackend(BACKEND).withBackupId('kept').withWaitForCompletion(true).do();
const status = await reader.backup.createStatusGetter().withBackend(BACKEND).withBackupId('kept').do();
assert.equal(status.status, 'SUCCESS');
for (const name of ['Article', 'Author']) await admin.schema.classDeleter().withClassName(name).do();
await admin.backup.restorer().withBackend(BACKEND).withBackupId('kept').withWaitForCompletion(true).do();
assert.deepEqual(await everything(reader, 'Article'), before);
step('an admin backs up and restores');

/** Queries, references and tenants before a backup and after its restore. */

import assert from 'node:assert/strict';
import { article, BACKEND, connect, createLibrary, everything, identity, step, vector } from './support.mjs';

const client = connect();
const FIELDS = 'title words score draft published tags writtenBy { ... on Author { name } } _additional { id vector }';

async function count(name, tenant) {
  let query = client.graphql.aggregate().withClassName(name).withFields('meta { count }');
  if (tenant) query = query.withTenant(tenant);
  return (await query.do()).data.Aggregate[name][0].meta.count;
}

async function asked() {
  const answer = await client.graphql.get().withClassName('Article').withFields(FIELDS).withLimit(50).do();
  return answer.data.Get.Article.sort((a, b) => a.words - b.words);
}

async function cycle(backupId, ...names) {
  await client.backup.creator().withBackend(BACKEND).withBackupId(backupId).withIncludeClassNames(...names).withWaitForCompletion(true).do();
  for (const name of names) await client.schema.classDeleter().withClassName(name).do();
  await client.backup.restorer().withBackend(BACKEND).withBackupId(backupId).withWaitForCompletion(true).do();
}

await createLibrary(client);
const before = await asked();
const { _additional, writtenBy, ...properties } = before[4];
assert.deepEqual([properties, writtenBy], [article(4), [{ name: 'Author 1' }]]);
assert.deepEqual([_additional.id, _additional.vector], [identity(4), vector(4)]);
assert.deepEqual([await count('Article'), await count('Author')], [25, 3]);
await cycle('library', 'Article', 'Author');
assert.deepEqual(await asked(), before);
assert.deepEqual([await count('Article'), await count('Author')], [25, 3]);
step('queries read properties, references, vectors and counts, before a backup and after its restore');

const names = ['acme', 'umbra'];
await client.schema
  .classCreator()
  .withClass({
    class: 'Ticket',
    properties: [{ name: 'text', dataType: ['text'] }],
    multiTenancyConfig: { enabled: true },
  })
  .do();
await client.schema.tenantsCreator('Ticket', names.map((name) => ({ name }))).do();
const tickets = {};
for (const tenant of names) {
  const batch = [...Array(20).keys()].map((n) => ({ class: 'Ticket', tenant, id: identity(n), properties: { text: `${tenant} ${n}` } }));
  for (const { result } of await client.batch.objectsBatcher().withObjects(...batch).do()) assert.equal(result.status, 'SUCCESS');
  tickets[tenant] = await everything(client, 'Ticket', tenant);
  assert.equal(Object.keys(tickets[tenant]).length, 20);
}
await client.schema.tenantsUpdater('Ticket', [{ name: 'umbra', activityStatus: 'COLD' }]).do();
await cycle('tickets', 'Ticket');
const states = await client.schema.tenantsGetter('Ticket').do();
assert.deepEqual(states.map((t) => `${t.name} ${t.activityStatus}`).sort(), ['acme HOT', 'umbra COLD']);
await assert.rejects(everything(client, 'Ticket', 'umbra'), /umbra/);
assert.equal(await client.schema.tenantsExists('Ticket', 'umbra').do(), true);
await client.schema.tenantsUpdater('Ticket', [{ name: 'umbra', activityStatus: 'HOT' }]).do();
for (const tenant of names) {
  assert.deepEqual(await everything(client, 'Ticket', tenant), tickets[tenant]);
  assert.equal(await count('Ticket', tenant), 20);
}
step('tenants come back with their states and objects');

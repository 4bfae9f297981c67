/** Tenants, references, named vectors and aliases before a backup and after its restore. */

import assert from 'node:assert/strict';
import { configure } from 'weaviate-client';
import { BACKEND, connect, everything, step } from './support.mjs';

const wait = { backend: BACKEND, waitForCompletion: true };
const client = await connect();
const name = { name: 'name', dataType: configure.dataType.TEXT };

const tickets = await client.collections.create({
  name: 'Ticket',
  properties: [name],
  multiTenancy: configure.multiTenancy({ enabled: true }),
});
await tickets.tenants.create([{ name: 'acme' }, { name: 'umbra' }, { name: 'empty' }]);
const tenants = {};
for (const tenant of ['acme', 'umbra', 'empty']) {
  const names = tenant === 'empty' ? [] : [...Array(20).keys()];
  if (names.length) await tickets.withTenant(tenant).data.insertMany(names.map((n) => ({ name: `${tenant} ${n}` })));
  tenants[tenant] = await everything(tickets.withTenant(tenant));
  assert.equal(Object.keys(tenants[tenant]).length, names.length);
}
await tickets.tenants.update({ name: 'umbra', activityStatus: 'INACTIVE' });
const states = await tickets.tenants.get();
assert.deepEqual(
  Object.values(states).map((tenant) => `${tenant.name} ${tenant.activityStatus}`).sort(),
  ['acme ACTIVE', 'empty ACTIVE', 'umbra INACTIVE'],
);
assert.equal((await tickets.tenants.getByName('umbra')).activityStatus, 'INACTIVE');
assert.equal(await tickets.tenants.getByName('nobody'), null);
step('three tenants, one of them inactive, one of them empty');

await client.backup.create({ backupId: 'tenants', ...wait });
await tickets.tenants.remove([{ name: 'acme' }]);
await client.collections.delete('Ticket');
await client.backup.restore({ backupId: 'tenants', ...wait });
assert.deepEqual(await tickets.tenants.get(), states);
await assert.rejects(everything(tickets.withTenant('umbra')), /umbra/);
await tickets.tenants.update({ name: 'umbra', activityStatus: 'ACTIVE' });
for (const [tenant, objects] of Object.entries(tenants)) {
  assert.deepEqual(await everything(tickets.withTenant(tenant)), objects);
}
step('tenants come back with their states and objects');

const authors = await client.collections.create({ name: 'Author', properties: [name] });
const books = await client.collections.create({
  name: 'Book',
  properties: [name],
  references: [{ name: 'writtenBy', targetCollection: 'Author' }],
  vectorizers: [configure.vectors.selfProvided({ name: 'title' }), configure.vectors.selfProvided({ name: 'body' })],
});
const ann = await authors.data.insert({ name: 'Ann' });
const bob = await authors.data.insert({ name: 'Bob' });
const first = await books.data.insert({
  properties: { name: 'First' },
  references: { writtenBy: ann },
  vectors: { title: [1, 0.5], body: [0.25, 0.5, 1] },
});
const second = await books.data.insert({ properties: { name: 'Second' }, references: { writtenBy: [ann, bob] } });
await books.data.referenceAdd({ fromUuid: first, fromProperty: 'writtenBy', to: bob });
await books.data.referenceDelete({ fromUuid: second, fromProperty: 'writtenBy', to: ann });

/** By name of the book, the names of its authors. */
async function linked() {
  const { objects } = await books.query.fetchObjects({
    returnReferences: [{ linkOn: 'writtenBy', returnProperties: ['name'] }],
  });
  return Object.fromEntries(
    objects.map((book) => [book.properties.name, book.references.writtenBy.objects.map((a) => a.properties.name)]),
  );
}

const expected = { First: ['Ann', 'Bob'], Second: ['Bob'] };
assert.deepEqual(await linked(), expected);
const library = await everything(books);
assert.deepEqual(library[first].vectors, { title: [1, 0.5], body: [0.25, 0.5, 1] });
await client.alias.create({ collection: 'Book', alias: 'Shelf' });
await client.backup.create({ backupId: 'library', includeCollections: ['Author', 'Book'], ...wait });
await client.alias.delete('Shelf');
await client.collections.delete('Author');
await client.collections.delete('Book');
await client.backup.restore({ backupId: 'library', ...wait });
assert.deepEqual(await everything(books), library);
assert.deepEqual(await linked(), expected);
step('references and named vectors come back');

assert.equal((await client.alias.get('Shelf')).collection, 'Book');
assert.equal(await client.collections.use('Shelf').length(), 2);
for (const [overwriteAlias, target] of [[false, 'Author'], [true, 'Book']]) {
  await client.alias.update({ alias: 'Shelf', newTargetCollection: 'Author' });
  await client.collections.delete('Book');
  await client.backup.restore({ backupId: 'library', includeCollections: ['Book'], config: { overwriteAlias }, ...wait });
  assert.equal((await client.alias.get('Shelf')).collection, target);
}
assert.deepEqual((await client.alias.listAll()).map(({ alias, collection }) => `${alias} ${collection}`), ['Shelf Book']);
step('an alias comes back, and one that points elsewhere is overwritten only if that was asked for');
await client.close();

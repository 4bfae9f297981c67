"""Queries, references and tenants before a backup and after its restore."""

from support import *

from weaviate import Tenant, TenantActivityStatus


def asked(client):
    """What queries say of everything."""
    fields = ["title", "words", "score", "draft", "published", "tags", "writtenBy { ... on Author { name } }"]
    found = client.query.get("Article", fields).with_additional(["id", "vector", "creationTimeUnix"]).with_limit(50).do()
    assert "errors" not in found, found
    return sorted(found["data"]["Get"]["Article"], key=lambda item: item["title"]), count(client, "Author")


client = connect()
create_library(client)
before, authors = asked(client)
assert (len(before), authors, count(client, "Article")) == (25, 3, 25)
first = next(item for item in before if item["_additional"]["id"] == identity(4))
assert first["writtenBy"] == [{"name": "Author 1"}], first
assert first["_additional"]["vector"] == vector(4), first
assert {name: first[name] for name in article(4)} == article(4), first
step("queries read properties, references, vectors and counts")

client.data_object.reference.add(identity(0), "writtenBy", identity(101), "Article", "Author")
client.data_object.reference.update(identity(1), "writtenBy", [identity(102)], "Article", "Author")
client.data_object.reference.delete(identity(2), "writtenBy", identity(102), "Article", "Author")
before = asked(client)
client.backup.create("library", BACKEND, wait_for_completion=True)
client.schema.delete_all()
client.backup.restore("library", BACKEND, wait_for_completion=True)
assert asked(client) == before
step("queries say the same after a restore")

TENANTS = ("acme", "umbra")
client.schema.create_class({
    "class": "Ticket",
    "properties": [{"name": "text", "dataType": ["text"]}],
    "multiTenancyConfig": {"enabled": True},
})
client.schema.add_class_tenants("Ticket", [Tenant(name) for name in TENANTS])
client.batch.configure(batch_size=7)
with client.batch as batch:
    for tenant in TENANTS:
        for number in range(20):
            batch.add_data_object({"text": f"{tenant} {number}"}, "Ticket", uuid=identity(number), tenant=tenant)
tickets = {tenant: everything(client, "Ticket", tenant=tenant) for tenant in TENANTS}
assert [len(objects) for objects in tickets.values()] == [20, 20], tickets
COLD = [Tenant("acme"), Tenant("umbra", TenantActivityStatus.COLD)]
client.schema.update_class_tenants("Ticket", COLD[1:])
client.backup.create("tickets", BACKEND, include_classes=["Ticket"], wait_for_completion=True)
client.schema.delete_class("Ticket")
client.backup.restore("tickets", BACKEND, wait_for_completion=True)
assert sorted(client.schema.get_class_tenants("Ticket"), key=lambda t: t.name) == COLD
with refused(422, "umbra"):
    everything(client, "Ticket", tenant="umbra")
client.schema.update_class_tenants("Ticket", [Tenant("umbra")])
assert {tenant: everything(client, "Ticket", tenant=tenant) for tenant in TENANTS} == tickets
answer = client.query.aggregate("Ticket").with_tenant("umbra").with_meta_count().do()
assert answer["data"]["Aggregate"]["Ticket"][0]["meta"]["count"] == 20, answer
step("tenants come back with their states and objects")

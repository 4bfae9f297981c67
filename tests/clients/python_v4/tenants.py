"""A collection with tenants: each comes back as it was, the inactive ones too."""

from support import *

from weaviate.classes.tenants import Tenant, TenantActivityStatus, TenantUpdate, TenantUpdateActivityStatus
from weaviate.exceptions import WeaviateBaseError

WAIT = {"backend": STORAGE, "wait_for_completion": True}
ACTIVE, INACTIVE = TenantUpdateActivityStatus.ACTIVE, TenantUpdateActivityStatus.INACTIVE


def states(collection):
    """The tenants and their states."""
    return {name: tenant.activity_status for name, tenant in collection.tenants.get().items()}


with connect() as client:
    tickets = client.collections.create(
        "Ticket",
        properties=[Property(name="text", data_type=DataType.TEXT)],
        multi_tenancy_config=Configure.multi_tenancy(enabled=True),
    )
    tickets.tenants.create([Tenant(name=name) for name in ("acme", "umbra", "empty")])
    for name in ("acme", "umbra"):
        tenant = tickets.with_tenant(name)
        added = tenant.data.insert_many([{"text": f"{name} {number}"} for number in range(20)])
        assert not added.has_errors, added.errors
    before = {name: everything(tickets.with_tenant(name)) for name in states(tickets)}
    assert [len(objects) for objects in before.values()] in ([20, 0, 20], [20, 20, 0], [0, 20, 20]), before
    tickets.tenants.update(TenantUpdate(name="umbra", activity_status=INACTIVE))
    expected = {
        "acme": TenantActivityStatus.ACTIVE,
        "umbra": TenantActivityStatus.INACTIVE,
        "empty": TenantActivityStatus.ACTIVE,
    }
    assert states(tickets) == expected, states(tickets)
    assert tickets.tenants.get_by_name("umbra").activity_status == TenantActivityStatus.INACTIVE
    assert sorted(tickets.tenants.get_by_names(["acme", "nobody"])) == ["acme"]
    assert tickets.tenants.exists("acme") and not tickets.tenants.exists("nobody")
    step("three tenants, one of them inactive, one of them empty")

    result = client.backup.create(backup_id="tenants", **WAIT)
    assert result.collections == ["Ticket"], result
    tickets.tenants.remove(["acme"])
    assert sorted(states(tickets)) == ["empty", "umbra"]
    config = tickets.config.get()
    client.collections.delete("Ticket")
    client.backup.restore(backup_id="tenants", **WAIT)
    assert states(tickets) == expected, states(tickets)
    assert tickets.config.get() == config
    step("a restore brings every tenant with its state")

    assert everything(tickets.with_tenant("acme")) == before["acme"]
    assert everything(tickets.with_tenant("empty")) == {}
    try:
        everything(tickets.with_tenant("umbra"))
    except WeaviateBaseError as error:
        assert "umbra" in str(error), error
    else:
        raise AssertionError("an inactive tenant was read")
    tickets.tenants.activate("umbra")
    assert everything(tickets.with_tenant("umbra")) == before["umbra"]
    step("the inactive one has its objects once it is activated")

    tickets.tenants.deactivate(["acme", "umbra"])
    client.backup.create(backup_id="all-asleep", **WAIT)
    client.collections.delete("Ticket")
    client.backup.restore(backup_id="all-asleep", **WAIT)
    assert set(states(tickets).values()) == {TenantActivityStatus.ACTIVE, TenantActivityStatus.INACTIVE}
    tickets.tenants.activate(["acme", "umbra"])
    assert {name: everything(tickets.with_tenant(name)) for name in before} == before
    step("tenants that sleep while they are backed up lose nothing")

    tickets.tenants.offload("umbra")
    gone = {**expected, "umbra": TenantActivityStatus.OFFLOADED}
    assert states(tickets) == gone, states(tickets)
    client.backup.create(backup_id="offloaded", **WAIT)
    client.collections.delete("Ticket")
    client.backup.restore(backup_id="offloaded", **WAIT)
    assert states(tickets) == gone, states(tickets)
    assert everything(tickets.with_tenant("acme")) == before["acme"]
    step("a tenant that is offloaded is named by a backup, without its data")

    orders = client.collections.create(
        "Order",
        properties=[Property(name="text", data_type=DataType.TEXT)],
        multi_tenancy_config=Configure.multi_tenancy(
            enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
        ),
    )
    orders.with_tenant("new").data.insert({"text": "first"})
    assert not orders.with_tenant("other").data.insert_many([{"text": "second"}]).has_errors
    orders.tenants.remove("other")
    orders.tenants.deactivate("new")
    client.backup.create(backup_id="automatic", include_collections="Order", **WAIT)
    client.collections.delete("Order")
    client.backup.restore(backup_id="automatic", **WAIT)
    assert states(orders) == {"new": TenantActivityStatus.INACTIVE}
    assert [o.properties["text"] for o in orders.with_tenant("new").iterator()] == ["first"]
    assert states(orders) == {"new": TenantActivityStatus.ACTIVE}
    step("tenants that are made and woken by use are so after a restore")

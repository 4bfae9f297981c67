"""Back up, look, lose, restore and compare: as the documentation shows it."""

from support import *

import time

client = connect()
assert client.is_ready() and client.is_live()
create_library(client)
before = {name: everything(client, name) for name in ("Article", "Author")}
schema = client.schema.get()
assert [len(objects) for objects in before.values()] == [25, 3], before
seventh = before["Article"][identity(7)]
assert {name: seventh["properties"][name] for name in article(7)} == article(7), seventh
assert seventh["vector"] == vector(7), seventh
step("two classes are filled")

result = client.backup.create(backup_id="Tour-All", backend=BACKEND, wait_for_completion=True)
assert (result["status"], result["id"], result["backend"]) == ("SUCCESS", "tour-all", BACKEND), result
assert sorted(result["classes"]) == ["Article", "Author"], result
assert result["path"] == f"{HOME}/tour-all", result
step("a backup of everything is waited for")

result = client.backup.create(backup_id="tour-articles", backend=BACKEND, include_classes="Article")
assert (result["status"], result["classes"]) == ("STARTED", ["Article"]), result
status = client.backup.get_create_status("tour-articles", BACKEND)
until = time.monotonic() + 60
while status["status"] != "SUCCESS":
    assert status["status"] not in ("FAILED", "CANCELED") and time.monotonic() < until, status
    time.sleep(0.1)
    status = client.backup.get_create_status("tour-articles", BACKEND)
assert (status["id"], status["backend"], status["path"]) == ("tour-articles", BACKEND, f"{HOME}/tour-articles"), status
result = client.backup.create("tour-authors", BACKEND, exclude_classes=["Article"], wait_for_completion=True)
assert result["classes"] == ["Author"], result
step("backups of one class are made")

client.schema.delete_class("Article")
assert not client.schema.exists("Article")
result = client.backup.restore("tour-all", BACKEND, include_classes=["Article"], wait_for_completion=True)
assert (result["status"], result["classes"]) == ("SUCCESS", ["Article"]), result
assert everything(client, "Article") == before["Article"]
step("one class of a backup is restored with every object")

client.schema.delete_all()
assert client.schema.get()["classes"] == []
result = client.backup.restore("tour-all", BACKEND)
assert result["status"] == "STARTED" and result["path"] == f"{HOME}/tour-all", result
status = client.backup.get_restore_status("tour-all", BACKEND)
until = time.monotonic() + 60
while status["status"] != "SUCCESS":
    assert status["status"] not in ("FAILED", "CANCELED") and time.monotonic() < until, status
    time.sleep(0.1)
    status = client.backup.get_restore_status("tour-all", BACKEND)
assert {name: everything(client, name) for name in before} == before
assert client.schema.get() == schema
step("everything is as it was")

client.data_object.update({"title": "Sand"}, "Article", identity(1))
client.data_object.delete(identity(2), "Article")
new = client.data_object.create(article(26), "Article", vector=vector(26))
assert client.data_object.get_by_id(identity(1), class_name="Article")["properties"]["title"] == "Sand"
assert client.data_object.get_by_id(identity(2), class_name="Article") is None
assert client.data_object.exists(new, class_name="Article")
assert len(everything(client, "Article")) == 25
step("what was restored takes changes")

"""What is refused, with the status and the words that callers look for."""

from support import *

from weaviate.exceptions import BackupFailedException

client = connect()
with refused(422):
    client.backup.create("nothing", BACKEND)
create_library(client, count=5)
before = everything(client, "Article")

for call in (client.backup.create, client.backup.restore, client.backup.get_create_status):
    with refused(422, "azure"):
        call("x", "azure")
with refused(422, "Missing"):
    client.backup.create("x", BACKEND, include_classes=["Missing"])
with refused(422):
    client.backup.create("not an id", BACKEND)
for call in (client.backup.get_create_status, client.backup.get_restore_status, client.backup.restore):
    with refused(404, "nobody"):
        call("nobody", BACKEND)
step("unknown backends, classes and ids are named")

client.backup.create("taken", BACKEND, wait_for_completion=True)
with refused(422, "taken"):
    client.backup.create("taken", BACKEND)
with refused(404, "taken"):
    client.backup.get_restore_status("taken", BACKEND)
with refused(422, "Missing"):
    client.backup.restore("taken", BACKEND, include_classes=["Missing"])
try:
    client.backup.restore("taken", BACKEND, wait_for_completion=True)
except BackupFailedException as error:
    assert "already exists" in str(error), error
else:
    raise AssertionError("a class was restored over itself")
status = client.backup.get_restore_status("taken", BACKEND)
assert status["status"] == "FAILED" and "already exists" in status["error"], status
assert everything(client, "Article") == before
step("an id is taken once, and a restore over a class fails and changes nothing")

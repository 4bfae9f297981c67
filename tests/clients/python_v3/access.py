"""API keys: who may do what."""

from support import *

from weaviate import AuthApiKey


def stranger(**options):
    """Expects that nobody gets in like this."""
    with refused(401):
        connect(**options).schema.get()


stranger()
stranger(auth_client_secret=AuthApiKey("guessed"))
step("without a key, or with a wrong one, nobody gets in")

admin = connect(auth_client_secret=AuthApiKey(os.environ["ADMIN_KEY"]))
reader = connect(auth_client_secret=AuthApiKey(os.environ["READER_KEY"]))
create_library(admin, count=5)
before = everything(admin, "Article")
assert everything(reader, "Article") == before and count(reader, "Article") == 5
with refused(403):
    reader.schema.delete_class("Article")
with refused(403):
    reader.data_object.create(article(7), "Article")
for call in (reader.backup.create, reader.backup.restore):
    with refused(403):
        call("mine", BACKEND)
step("a reader reads, and writes nothing")

admin.backup.create("kept", BACKEND, wait_for_completion=True)
assert reader.backup.get_create_status("kept", BACKEND)["status"] == "SUCCESS"
admin.schema.delete_all()
admin.backup.restore("kept", BACKEND, wait_for_completion=True)
assert everything(reader, "Article") == before
step("an admin backs up and restores")

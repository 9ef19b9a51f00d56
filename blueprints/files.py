"""Files: uploaded straight to the blob store, looked at, and read by signed URLs.  Walk: `docs/flows/upload.md`."""

import azure.functions as func

from blueprints.access import ANYONE, PARTICIPANTS
from blueprints.files_shapes import CompleteIn, FileOut, UploadIn, UploadOut, caller_of
from runtime import parts
from web.call import Call
from web.declaration import Limit
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()


@endpoint(
    bp,
    "POST",
    "v1/files/upload-url",
    access=ANYONE,
    takes=UploadIn,
    gives=UploadOut,
    limit=Limit.UPLOAD,
    idempotent=True,
    errors=("missing_token", "email_not_verified", "forbidden"),
)
async def create_upload_url(call: Call) -> Reply:
    """Ask for a URL to upload one file to.

    The URL is good for 15 minutes and creates this one file; it reads nothing. Videos (`course-video`) may also be sent
    in blocks, as Azure's Blob service takes them (`comp=block`, then `comp=blocklist`). Only `form` needs no sign-in.
    """
    file, upload = await parts.get().files.uploads.begin(caller_of(call), call.body(UploadIn).announced(), call.new_id)
    return Reply(200, UploadOut.of(file, upload))


@endpoint(
    bp,
    "POST",
    "v1/files/complete",
    access=ANYONE,
    takes=CompleteIn,
    gives=FileOut,
    errors=("not_found", "conflict"),
)
async def complete_upload(call: Call) -> Reply:
    """Have an uploaded file looked at, and kept.

    The size must be as announced and the bytes of the announced type; else the file is deleted. May be repeated.
    `conflict`: the bytes have not arrived. Of an avatar three square WebP pictures are kept (`sizes`), and no original.
    """
    files = parts.get().files
    file = await files.uploads.complete(caller_of(call), call.body(CompleteIn).file_id)
    return Reply(200, FileOut.of(await files.files.show(file)))


@endpoint(bp, "GET", "v1/files/{file_id}", access=PARTICIPANTS, gives=FileOut, errors=("not_found",), etag=True)
async def get_file(call: Call) -> Reply:
    """Describe a file, with a URL to read it by that is good for 10 minutes or more."""
    return Reply(200, FileOut.of(await parts.get().files.files.get(caller_of(call), call.path_id("file_id"))))


@endpoint(bp, "DELETE", "v1/files/{file_id}", access=PARTICIPANTS, status=204, errors=("not_found",))
async def delete_file(call: Call) -> Reply:
    """Delete a file: one's own, or as an administrator any."""
    await parts.get().files.files.delete(caller_of(call), call.path_id("file_id"))
    return Reply(204)

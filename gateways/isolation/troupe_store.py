"""Adds records to the workspace's .store/, where nothing in the sandbox can write by itself.

    import troupe_store
    troupe_store.append("todo.jsonl", {"id": "1", "text": "plot it", "status": "pending"})
"""
import json
import socket

ADDRESS = "\0troupe-store"


def append(name, record):
    """Add `record` (bytes, text, or a value to be written as JSON) as one line to .store/`name`."""
    if not isinstance(record, (bytes, str)):
        record = json.dumps(record, ensure_ascii=False)
    if isinstance(record, str):
        record = record.encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as store:
        store.connect(ADDRESS)
        store.send(name.encode() + b"\0" + record)
        answer = json.loads(store.recv(65536) or b'{"status": 503, "detail": "no answer"}')
    if answer["status"] != 200:
        raise OSError(answer["detail"])
    return answer

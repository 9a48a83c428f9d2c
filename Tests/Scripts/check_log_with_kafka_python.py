"""Decodes a log with other people's code: kafka-python for the record batches, fastavro for the values.

    python3 check_log_with_kafka_python.py LOGDIR

Checks each segment below LOGDIR: checksums, batches without a hole between them, the seal of sealed segments, and
values by the schemas/N.avsc next above where they carry an envelope. Where a topic has a list of its records beside it
(expected.ndjson: offset, timestamp, key, value, headers), they have to be those. Prints the records by topic; ends
with 1 if anything is wrong. Needs the packages kafka-python and fastavro.
"""

import collections
import io
import json
import pathlib
import struct
import sys

import fastavro
from kafka.record import MemoryRecords
from kafka.record._crc32c import crc as crc32c_bytes


def read_schemas(folder):
    found = {}
    for path in folder.glob("*.avsc"):
        found[int(path.stem)] = fastavro.parse_schema(json.loads(path.read_text()))
    return found


def decode(value, schemas):
    """The schema's name of a value with an envelope, decoded to its last byte; None for another value."""
    if not schemas or value is None or len(value) < 5 or value[0] != 0:
        return None
    number = struct.unpack(">i", value[1:5])[0]
    if number not in schemas:
        raise ValueError(f"schema {number} is not in the registry")
    stream = io.BytesIO(value[5:])
    fastavro.schemaless_reader(stream, schemas[number])
    if stream.tell() != len(value) - 5:
        raise ValueError(f"{len(value) - 5 - stream.tell()} bytes after the value")
    return schemas[number]["name"]


def check_seal(log, data, end):
    path = log.with_suffix(".seal")
    if not path.exists():
        raise ValueError("no seal beside a sealed segment")
    seal = path.read_bytes()
    count, checksum = struct.unpack(">qI", seal[:12])
    (sealed_end,) = struct.unpack(">q", seal[36:44])
    own = crc32c_bytes(struct.pack(">q", int(log.stem)) + seal[:60])
    if len(seal) != 64 or struct.unpack(">I", seal[60:])[0] != own:
        raise ValueError("the seal's own checksum is wrong")
    if count != len(data) or checksum != crc32c_bytes(data) or sealed_end != end:
        raise ValueError("the seal does not fit the segment")


def row(record):
    """A record as expected.ndjson has it."""
    text = lambda value: None if value is None else bytes(value).hex()
    return {
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": text(record.key),
        "value": text(record.value),
        "headers": [[key, text(value)] for key, value in record.headers],
    }


def check_segment(log, next_offset, schemas, kinds, rows):
    """Checks one segment and gives the offset after it."""
    data = log.read_bytes()
    batches = MemoryRecords(data)
    covered = 0
    while batches.has_next():
        batch = batches.next_batch()
        if batch.magic != 2 or not batch.validate_crc():
            raise ValueError(f"batch at offset {next_offset}: checksum or magic number is wrong")
        if batch.base_offset != next_offset:
            raise ValueError(f"batch at offset {batch.base_offset} where {next_offset} was expected")
        end = next_offset + batch.last_offset_delta + 1
        latest = None
        count = 0
        for record in batch:
            if not next_offset <= record.offset < end:
                raise ValueError(f"offset {record.offset} where {next_offset} up to {end} was expected")
            next_offset = record.offset + 1
            try:
                kinds[decode(record.value, schemas) or "(no envelope)"] += 1
            except Exception as error:
                raise ValueError(f"record {record.offset}: {error}") from error
            rows.append(row(record))
            latest = record.timestamp if latest is None else max(latest, record.timestamp)
            count += 1
        next_offset = end
        if count > 0 and batch.max_timestamp != latest:
            raise ValueError(f"batch before offset {end}: the largest timestamp is not {batch.max_timestamp}")
        if count != struct.unpack(">i", data[covered + 57 : covered + 61])[0]:
            raise ValueError(f"batch before offset {end}: {count} records are not what its head says")
        covered += struct.unpack(">i", data[covered + 8 : covered + 12])[0] + 12
    if covered != len(data):
        raise ValueError(f"{len(data) - covered} bytes after the last batch")
    return next_offset


def schemas_for(topic, root, known):
    """The schemas in the folder next above a topic."""
    for folder in [topic, *topic.parents]:
        if (folder / "schemas").is_dir():
            if folder not in known:
                known[folder] = read_schemas(folder / "schemas")
            return known[folder]
        if folder == root:
            break
    return {}


def check_topic(topic, segments, schemas, kinds):
    """Checks a topic's segments in order; gives the offset after each."""
    rows = []
    end = int(segments[0].stem)
    for segment in segments:
        if int(segment.stem) != end:
            raise ValueError(f"{segment}: begins where offset {end} was expected")
        try:
            end = check_segment(segment, end, schemas, kinds, rows)
            if segment is not segments[-1]:
                check_seal(segment, segment.read_bytes(), end)
        except Exception as error:
            raise ValueError(f"{segment}: {error}") from error
    listed = topic / "expected.ndjson"
    if listed.exists() and [json.loads(line) for line in listed.read_text().splitlines()] != rows:
        raise ValueError(f"{topic}: the records are not those of {listed.name}")
    return len(rows)


def main(log_directory):
    root = pathlib.Path(log_directory)
    known = {}
    topics = collections.defaultdict(list)
    for path in root.rglob("*.log"):
        if len(path.stem) == 20 and path.stem.isdigit():
            topics[path.parent].append(path)
    errors = 0
    for topic, segments in sorted(topics.items()):
        kinds = collections.Counter()
        try:
            count = check_topic(topic, sorted(segments), schemas_for(topic, root, known), kinds)
            names = ", ".join(f"{name} {number}" for name, number in sorted(kinds.items()))
            print(f"{topic.relative_to(root)}: {count} records in {len(segments)} segments: {names or 'none'}")
        except Exception as error:
            errors += 1
            print(error)
    if not topics:
        errors += 1
        print(f"{root}: no segments")
    print(f"{errors} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))

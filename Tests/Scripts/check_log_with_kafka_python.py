"""Decodes a log with other people's code: kafka-python for the record batches, fastavro for the values.

    python3 check_log_with_kafka_python.py LOGDIR

Checks each segment below LOGDIR: checksums, offsets without holes, the sum of sealed segments, and values by
LOGDIR/schemas/N.avsc where they carry an envelope. Prints the records by topic; ends with 1 if anything is wrong.
Needs the packages kafka-python and fastavro.
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
    if value is None or len(value) < 5 or value[0] != 0:
        return None
    number = struct.unpack(">i", value[1:5])[0]
    if number not in schemas:
        raise ValueError(f"schema {number} is not in the registry")
    stream = io.BytesIO(value[5:])
    fastavro.schemaless_reader(stream, schemas[number])
    if stream.tell() != len(value) - 5:
        raise ValueError(f"{len(value) - 5 - stream.tell()} bytes after the value")
    return schemas[number]["name"]


def check_sum(log, data):
    path = log.with_suffix(".sum")
    if not path.exists():
        raise ValueError("no sum beside a sealed segment")
    checksum, count = struct.unpack(">Iq", path.read_bytes())
    if count != len(data) or checksum != crc32c_bytes(data):
        raise ValueError("the sum does not fit the segment")


def check_segment(log, next_offset, schemas, kinds):
    """Checks one segment and gives the offset after it."""
    data = log.read_bytes()
    batches = MemoryRecords(data)
    covered = 0
    while batches.has_next():
        batch = batches.next_batch()
        if batch.magic != 2 or not batch.validate_crc():
            raise ValueError(f"batch at offset {next_offset}: checksum or magic number is wrong")
        latest = None
        count = 0
        for record in batch:
            if record.offset != next_offset:
                raise ValueError(f"offset {record.offset} where {next_offset} was expected")
            try:
                kinds[decode(record.value, schemas) or "(no envelope)"] += 1
            except Exception as error:
                raise ValueError(f"record {record.offset}: {error}") from error
            latest = record.timestamp if latest is None else max(latest, record.timestamp)
            next_offset += 1
            count += 1
        if batch.max_timestamp != latest:
            raise ValueError(f"batch before offset {next_offset}: the largest timestamp is not {batch.max_timestamp}")
        if count == 0 or batch.last_offset_delta != count - 1:
            raise ValueError(f"batch before offset {next_offset}: {count} records are not what its head says")
        covered += struct.unpack(">i", data[covered + 8 : covered + 12])[0] + 12
    if covered != len(data):
        raise ValueError(f"{len(data) - covered} bytes after the last batch")
    return next_offset


def main(log_directory):
    root = pathlib.Path(log_directory)
    schemas = read_schemas(root / "schemas")
    topics = collections.defaultdict(list)
    for path in root.rglob("*.log"):
        if len(path.stem) == 20 and path.stem.isdigit():
            topics[path.parent].append(path)
    errors = 0
    for topic, segments in sorted(topics.items()):
        segments.sort()
        start = end = int(segments[0].stem)
        kinds = collections.Counter()
        for segment in segments:
            try:
                if int(segment.stem) != end:
                    raise ValueError(f"begins where offset {end} was expected")
                end = check_segment(segment, end, schemas, kinds)
                if segment is not segments[-1]:
                    check_sum(segment, segment.read_bytes())
            except Exception as error:
                errors += 1
                print(f"{segment}: {error}")
                break
        names = ", ".join(f"{name} {count}" for name, count in sorted(kinds.items()))
        print(f"{topic.relative_to(root)}: {end - start} records in {len(segments)} segments: {names or 'none'}")
    if not topics:
        errors += 1
        print(f"{root}: no segments")
    print(f"{errors} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))

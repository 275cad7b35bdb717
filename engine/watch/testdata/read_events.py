"""Reads an event file with Google's own protocol buffer library and prints each event as a line of JSON.

The messages are described here as in TensorFlow's event.proto and summary.proto; parsing is the library's.
"""
import base64
import json
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DOUBLE, FLOAT, INT64, INT32, STRING, MESSAGE, BYTES = 1, 2, 3, 5, 9, 11, 12


def describe():
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="t", syntax="proto3")

    def message(name, *fields):
        m = file.message_type.add(name=name)
        for number, field, kind, repeated, of in fields:
            m.field.add(name=field, number=number, type=kind, label=3 if repeated else 1, type_name=".t." + of if of else None)

    message("Histogram", (1, "min", DOUBLE, 0, ""), (2, "max", DOUBLE, 0, ""), (3, "num", DOUBLE, 0, ""), (4, "sum", DOUBLE, 0, ""),
            (5, "sum_squares", DOUBLE, 0, ""), (6, "bucket_limit", DOUBLE, 1, ""), (7, "bucket", DOUBLE, 1, ""))
    message("Image", (1, "height", INT32, 0, ""), (2, "width", INT32, 0, ""), (3, "colorspace", INT32, 0, ""), (4, "encoded", BYTES, 0, ""))
    message("Value", (1, "tag", STRING, 0, ""), (2, "simple_value", FLOAT, 0, ""), (4, "image", MESSAGE, 0, "Image"),
            (5, "histo", MESSAGE, 0, "Histogram"))
    message("Summary", (1, "value", MESSAGE, 1, "Value"))
    message("Event", (1, "wall_time", DOUBLE, 0, ""), (2, "step", INT64, 0, ""), (3, "file_version", STRING, 0, ""),
            (5, "summary", MESSAGE, 0, "Summary"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("t.Event"))


def main(path):
    event_class = describe()
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        size, = struct.unpack_from("<Q", data, at)
        event = event_class()
        event.ParseFromString(data[at + 12:at + 12 + size])
        unknown = [f.field_number for f in getattr(event, "UnknownFields", lambda: [])()]
        values = []
        for v in event.summary.value:
            values.append({"Tag": v.tag, "Scalar": v.simple_value, "W": v.image.width, "H": v.image.height,
                           "PNG": base64.b64encode(v.image.encoded).decode() or None,
                           "Histogram": {"Min": v.histo.min, "Max": v.histo.max, "Num": v.histo.num, "Sum": v.histo.sum,
                                         "Squares": v.histo.sum_squares, "Limits": list(v.histo.bucket_limit),
                                         "Counts": list(v.histo.bucket)} if v.HasField("histo") else None})
        print(json.dumps({"Wall": event.wall_time, "Step": event.step, "Version": event.file_version, "Values": values or None, "Unknown": unknown}))
        at += 16 + size
    if at != len(data):
        sys.exit("bytes left over")


main(sys.argv[1])

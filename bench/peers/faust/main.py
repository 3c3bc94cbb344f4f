"""The workloads on Faust (faust-streaming), with the command line that all contenders share (bench/internal/peer).

State in RocksDB with changelog topics, as its documentation advises for production. Acknowledgements, compression
and the commit interval are those of all contenders. One worker: more of them are how Faust uses more cores.
"""

import argparse
import re

import faust


def parse():
    p = argparse.ArgumentParser()
    for name in ("brokers", "workload", "app", "input", "table", "output", "state", "guarantee", "commit", "partitions"):
        p.add_argument("--" + name)
    return p.parse_args()


def seconds(duration):
    """A duration as Go writes those of whole milliseconds or seconds."""
    number, unit = re.fullmatch(r"(\d+)(ms|s)", duration).groups()
    return int(number) / (1000 if unit == "ms" else 1)


def build(a):
    app = faust.App(
        a.app,
        broker=[f"kafka://{b}" for b in a.brokers.split(",")],
        store="rocksdb://",
        datadir=a.state,
        processing_guarantee="at_least_once",
        broker_commit_interval=seconds(a.commit),
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_compression_type=None,
        topic_partitions=int(a.partitions),
        topic_replication_factor=3,
        topic_disable_leader=True,
        web_enabled=False,
    )
    raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    table = faust.Schema(key_type=bytes, key_serializer="raw", value_type=int, value_serializer="json")
    source, output = app.topic(a.input, **raw), app.topic(a.output, **raw)

    if a.workload in ("copy", "latency"):

        @app.agent(source)
        async def copy(stream):
            async for key, value in stream.items():
                await output.send(key=key, value=value)

    elif a.workload.startswith("count") and not a.workload.startswith("count-last"):
        counts = app.Table("counts", default=int, schema=table, partitions=int(a.partitions))

        @app.agent(source)
        async def count(stream):
            async for key, _ in stream.items():
                n = counts[key] + 1
                counts[key] = n
                await output.send(key=key, value=b"%d" % n)

    elif a.workload == "dedupe":
        seen = app.Table("seen", schema=table, partitions=int(a.partitions))

        @app.agent(source)
        async def dedupe(stream):
            async for key, value in stream.items():
                if key not in seen:
                    seen[key] = 1
                    await output.send(key=key, value=value)

    else:
        raise SystemExit("no workload %r here" % a.workload)
    return app


if __name__ == "__main__":
    a = parse()
    if a.guarantee != "at-least-once":
        raise SystemExit("Faust is measured at-least-once")
    faust.Worker(build(a), loglevel="WARNING", quiet=True).execute_from_commandline()

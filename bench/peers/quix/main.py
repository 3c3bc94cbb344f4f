"""The workloads on Quix Streams, with the command line that all contenders share (bench/internal/peer).

State in RocksDB with changelog topics, as it comes. Acknowledgements, compression and the commit interval are
those of all contenders. One process: more of them are how Quix Streams uses more cores.
"""

import argparse
import re

from quixstreams import Application, State


def parse():
    p = argparse.ArgumentParser()
    for name in ("brokers", "workload", "app", "input", "table", "output", "state", "guarantee", "commit", "partitions"):
        p.add_argument("--" + name)
    return p.parse_args()


def seconds(duration):
    """A duration as Go writes those of whole milliseconds or seconds."""
    number, unit = re.fullmatch(r"(\d+)(ms|s)", duration).groups()
    return int(number) / (1000 if unit == "ms" else 1)


def count(_, state: State):
    n = state.get("n", 0) + 1
    state.set("n", n)
    return n


def is_first(_, state: State):
    if state.exists("seen"):
        return False
    state.set("seen", True)
    return True


def main():
    a = parse()
    app = Application(
        broker_address=a.brokers,
        consumer_group=a.app,
        auto_offset_reset="earliest",
        commit_interval=seconds(a.commit),
        state_dir=a.state,
        processing_guarantee=a.guarantee,
        producer_extra_config={"acks": "all", "compression.type": "none"},
        loglevel="WARNING",
    )
    values = "bytes"
    source = app.topic(a.input, key_deserializer="bytes", value_deserializer="bytes")
    sdf = app.dataframe(source)
    if a.workload.startswith("count-last"):
        raise SystemExit("Quix Streams writes every update of a table")
    if a.workload.startswith("count"):
        sdf, values = sdf.apply(count, stateful=True), "json"
    elif a.workload == "dedupe":
        sdf = sdf.filter(is_first, stateful=True)
    elif a.workload not in ("copy", "latency"):
        raise SystemExit("no workload %r here" % a.workload)
    sdf.to_topic(app.topic(a.output, key_serializer="bytes", value_serializer=values))
    app.run()


if __name__ == "__main__":
    main()
